import type { ConfigDocument } from './document.ts';
import { valueProblem } from './issues.ts';
import type { KeyPath, Problem } from './problem.ts';
import type { Config } from './schema.ts';

/** What the schema can't say of TLS: that files come in pairs, and that the address they are for is one of TLS. */
export function checkTls(config: Config, document: ConfigDocument): Problem[] {
  const wrong = (path: KeyPath, words: string) => valueProblem(document, path, words);
  const problems: Problem[] = [];
  for (const [name, connection] of Object.entries(config.connections)) {
    const path = ['connections', name];
    if (connection.kind === 's3' && connection.caFile !== undefined && connection.endpoint?.startsWith('http:'))
      problems.push(...wrong([...path, 'caFile'], 'is of no use without TLS: the endpoint starts with http://'));
    if (connection.kind === 'mongodb' && connection.tls !== undefined) {
      const { certificateKeyFile, certificateKeyFilePassword } = connection.tls;
      if (certificateKeyFilePassword !== undefined && certificateKeyFile === undefined)
        problems.push(...wrong([...path, 'tls', 'certificateKeyFilePassword'], 'needs certificateKeyFile'));
    }
  }
  const { queue } = config;
  if (queue.kind !== 'redis' || queue.tls === undefined) return problems;
  const { certFile, keyFile, keyFilePassword } = queue.tls;
  if (queue.url.startsWith('redis:'))
    problems.push(...wrong(['queue', 'tls'], 'needs a url that starts with rediss://'));
  if (certFile !== undefined && keyFile === undefined)
    problems.push(...wrong(['queue', 'tls', 'certFile'], 'needs keyFile'));
  if (keyFile !== undefined && certFile === undefined)
    problems.push(...wrong(['queue', 'tls', 'keyFile'], 'needs certFile'));
  if (keyFilePassword !== undefined && keyFile === undefined)
    problems.push(...wrong(['queue', 'tls', 'keyFilePassword'], 'needs keyFile'));
  return problems;
}
