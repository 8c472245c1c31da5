import type { Container, Rendered } from '../helm/chart.ts';
import type { Contained, Image, Run } from './image.ts';

/** A pod of the chart, run as the kubelet runs it. */
export interface Pod {
  readonly contained: Contained;
  /** The folder that is its emptyDir. */
  readonly scratch: string;
}

/** Starts the container of a component with the arguments, environment and mounts that the chart gives it; on loopback alone. */
export function startPod(
  image: Image,
  rendered: Rendered,
  component: string,
  secret: Readonly<Record<string, string>>,
): Pod {
  const [container] = rendered.deployment(component).spec.template.spec.containers;
  const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = container.securityContext;
  const confined = { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities };
  const asked = { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  if (JSON.stringify(confined) !== JSON.stringify(asked)) throw new Error(`not as containers run here: ${confined}`);
  const folders: Readonly<Record<string, string>> = {
    config: image.configured(rendered.config),
    scratch: image.folder(),
  };
  const mounts = container.volumeMounts.map(({ name, mountPath, readOnly = false }) => ({
    from: folders[name] ?? '',
    at: mountPath,
    writable: !readOnly,
  }));
  const how: Run = { mounts, env: environmentOf(container, secret) };
  const args = container.args.map((word) => word.replace(/^0\.0\.0\.0:/, '127.0.0.1:'));
  return { contained: image.start(how, ...args), scratch: folders.scratch ?? '' };
}

function environmentOf(
  { env, envFrom = [] }: Container,
  secret: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const own = env.map(({ name, value, valueFrom }) => [name, value ?? secret[valueFrom?.secretKeyRef.key ?? ''] ?? '']);
  return { ...(envFrom.length > 0 ? secret : {}), ...Object.fromEntries(own) };
}
