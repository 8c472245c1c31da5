import { Agent, request as httpsRequest } from 'node:https';

/** A Kubernetes object as the API has it; a caller says what more it looks at. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
}

/** The API server's own refusal. */
export class KubeError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What to say beside method, path and body. */
export interface RequestOptions {
  /** Instead of the client's own. */
  readonly token?: string;
  /** Of a PATCH: a merge patch unless given. */
  readonly contentType?: string;
}

/** Talks to an API server as one user. */
export interface KubeClient {
  /** The JSON of an answer. Throws a KubeError where it is no success. */
  request<T = ApiObject>(method: Method, path: string, body?: unknown, options?: RequestOptions): Promise<T>;
  /**
   * Server-side apply: the object is made or changed to be so. Strict: a field that the server does not know is refused. `dryRun`
   * has the server judge it and keep nothing.
   */
  apply<T extends ApiObject>(object: T, namespace: string, dryRun?: boolean): Promise<T>;
  /** Kind and name of all that is in a namespace, sorted; events aside. */
  inventory(namespace: string): Promise<readonly string[]>;
  close(): void;
}

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

const REQUEST_MS = 30_000;
const APPLY = 'application/apply-patch+yaml';

/** A client of the server at `url`, whose certificate is of `ca` (PEM). */
export function kubeClient(url: string, ca: string, userToken: string): KubeClient {
  const agent = new Agent({ ca, keepAlive: true });
  const request = async <T>(method: Method, path: string, body?: unknown, options: RequestOptions = {}) => {
    const {
      token = userToken,
      contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
    } = options;
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': contentType,
      // Node leaves the length of a DELETE's body out.
      'content-length': Buffer.byteLength(text),
    };
    return call(new URL(path, url), { method, headers, agent, timeout: REQUEST_MS }, text) as Promise<T>;
  };
  const resources = async (root: string) => {
    const { resources: found } = await request<{ readonly resources: readonly Resource[] }>('GET', root);
    return found.filter(({ name }) => !name.includes('/'));
  };
  return {
    request,
    async apply(object, namespace, dryRun = false) {
      const root = rootOf(object.apiVersion);
      const resource = (await resources(root)).find(({ kind }) => kind === object.kind);
      if (!resource) throw new Error(`the server knows no ${object.kind} of ${object.apiVersion}`);
      const within = resource.namespaced ? `/namespaces/${object.metadata.namespace ?? namespace}` : '';
      const query = `fieldManager=test&force=true&fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`;
      const path = `${root}${within}/${resource.name}/${object.metadata.name}?${query}`;
      return request('PATCH', path, object, { contentType: APPLY });
    },
    async inventory(namespace) {
      const groups = await request<{ readonly groups: readonly Group[] }>('GET', '/apis');
      const roots = groups.groups.map(({ preferredVersion }) => rootOf(preferredVersion.groupVersion));
      const found = await Promise.all(
        ['/api/v1', ...roots].map(async (root) => {
          const listed = (await resources(root)).filter(isKept);
          const lists = await Promise.all(
            listed.map(async ({ name, kind }) => {
              const { items } = await request<{ readonly items: readonly ApiObject[] }>(
                'GET',
                `${root}/namespaces/${namespace}/${name}`,
              );
              return items.map(({ metadata }) => `${kind}/${metadata.name}`);
            }),
          );
          return lists.flat();
        }),
      );
      return found.flat().sort();
    },
    close: () => agent.destroy(),
  };
}

interface Group {
  readonly preferredVersion: { readonly groupVersion: string };
}

function isKept({ kind, namespaced, verbs }: Resource): boolean {
  return namespaced && verbs.includes('list') && kind !== 'Event';
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function call(url: URL, options: Parameters<typeof httpsRequest>[1] & object, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(url, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('error', reject).on('end', () => {
        const status = answer.statusCode ?? 0;
        if (status >= 200 && status < 300) return resolve(jsonOf(text));
        reject(new KubeError(status, `${options.method} ${url.pathname}: ${status}: ${messageIn(text)}`));
      });
    });
    sent.on('error', reject).on('timeout', () => sent.destroy(new Error(`${url.pathname}: no answer`)));
    sent.end(body);
  });
}

function jsonOf(text: string): unknown {
  return text.startsWith('{') ? JSON.parse(text) : text;
}

function messageIn(text: string): string {
  const answer = jsonOf(text);
  return typeof answer === 'object' && answer !== null && 'message' in answer ? String(answer.message) : text;
}
