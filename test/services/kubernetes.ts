import { type Started, unavailable } from './result.ts';

/** helm, kubeconform and the schemas of Kubernetes and of KEDA's custom resources. */
export interface KubernetesTools {
  readonly available: true;
}

export async function prepareKubernetes(): Promise<Started<KubernetesTools>> {
  return unavailable('not there yet');
}
