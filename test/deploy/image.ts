import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { makeRootfs } from '../../scripts/rootfs.ts';
import { type Ended, finish, follow, type Running } from '../e2e/cli.ts';
import { type DockerImage, readDockerfile } from '../services/compose.ts';
import {
  type ContainerOptions,
  enterContained,
  type Mount,
  signalContained,
  startContained,
} from '../services/namespaces.ts';
import { ROOT } from './files.ts';

/** The image `mongolake`: its root file system, and what the Dockerfile says of how it runs. */
export interface Image {
  /** Folder of the root file system. */
  readonly root: string;
  readonly config: DockerImage;
  /** Makes a folder that the container's user can write to. */
  folder(): string;
  /** Makes a folder with a configuration in it, for `/etc/mongolake`. */
  configured(config: unknown): string;
  /** Runs the image to its end: `docker run --read-only --cap-drop=ALL --security-opt=no-new-privileges`. */
  run(how: Run, ...args: string[]): Promise<Ended>;
  /** Starts a command of the image that goes on. */
  start(how: Run, ...args: string[]): Contained;
  /** Ends what was started and removes all folders. */
  close(): Promise<void>;
}

/** What a container is given. */
export interface Run {
  readonly mounts: readonly Mount[];
  /** Over that of the image. */
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of the image's. */
  readonly entrypoint?: readonly string[];
}

/** A running container. `end` signals its process 1. */
export interface Contained extends Running {
  /** Runs the image's HEALTHCHECK in it, as its user where no other is named. */
  health(user?: number): Promise<Ended>;
}

/** Makes the root file system out of what is built. */
export async function openImage(): Promise<Image> {
  const { images } = await readDockerfile(join(ROOT, 'Dockerfile'));
  const config = images.mongolake ?? {};
  const home = mkdtempSync(join(tmpdir(), 'mongolake-image-'));
  const root = join(home, 'rootfs');
  makeRootfs(root);
  const running = new Set<Contained>();
  const folder = () => {
    const made = mkdtempSync(join(home, 'volume-'));
    chmodSync(made, 0o777);
    return made;
  };
  const launch = (how: Run, args: readonly string[]) => {
    const options = optionsOf(root, config, how);
    return { options, child: startContained(options, [...(how.entrypoint ?? config.Entrypoint ?? []), ...args]) };
  };
  return {
    root,
    config,
    folder,
    configured(content) {
      const made = folder();
      writeFileSync(join(made, 'mongolake.yaml'), typeof content === 'string' ? content : stringify(content));
      return made;
    },
    run: (how, ...args) => finish(launch(how, args).child),
    start(how, ...args) {
      const { options, child } = launch(how, args);
      const followed = follow(child);
      const [, ...check] = config.Healthcheck?.Test ?? [];
      const contained: Contained = {
        ...followed,
        async end(signal) {
          if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
          const closed = once(child, 'close');
          signalContained(child, signal);
          const [code] = (await closed) as [number | null];
          return code;
        },
        health: (user = options.user) => finish(enterContained({ ...options, user }, child, check)),
      };
      running.add(contained);
      return contained;
    },
    async close() {
      await Promise.all([...running].map((one) => one.end('SIGKILL')));
      rmSync(home, { recursive: true });
    },
  };
}

function optionsOf(root: string, { User = '', Env = [], WorkingDir = '/' }: DockerImage, how: Run): ContainerOptions {
  const user = Number(User.split(':')[0]);
  const own = Object.fromEntries(Env.map((pair) => pair.split(/=(.*)/s) as [string, string]));
  // As engines do: of the user's entry.
  const HOME =
    readFileSync(join(root, 'etc/passwd'), 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find((entry) => entry[2] === String(user))?.[5] ?? '/';
  return { root, user, folder: WorkingDir, env: { HOME, ...own, ...how.env }, mounts: how.mounts };
}
