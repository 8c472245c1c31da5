import { dirname } from 'node:path';
import { checkColumns } from './columns-check.ts';
import type { ConfigDocument } from './document.ts';
import { keyProblem, valueProblem } from './issues.ts';
import { literalNames, matchesPatterns } from './patterns.ts';
import type { KeyPath, Problem } from './problem.ts';
import type { Config, PipelineConfig } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { absoluteTableUri, collectionOfUri, fillTableUri, tableUriKind, tableUriProblem } from './table-uri.ts';
import { checkTls } from './tls-check.ts';

/** What the schema can't say: that names are there and of the right kind, and that no two tables share a folder. */
export function crossCheck(config: Config, document: ConfigDocument): Problem[] {
  const pipelines = Object.entries(config.pipelines);
  if (pipelines.length === 0) return valueProblem(document, ['pipelines'], 'expected at least one pipeline');
  const problems = [
    ...checkVault(config, document),
    ...checkTls(config, document),
    ...pipelines.flatMap(([name, pipeline]) => checkPipeline(config, document, name, pipeline)),
    ...checkColumns(config, document),
    ...checkProxy(config, document),
  ];
  return problems.length > 0 ? problems : checkSharedFolders(config, document);
}

/** A header without proxies that are believed would be anybody's, and proxies without a header say nothing. */
function checkProxy({ dashboard }: Config, document: ConfigDocument): Problem[] {
  const { proxyHeader, trustedProxies } = dashboard;
  if ((proxyHeader === undefined) === (trustedProxies === undefined)) return [];
  const missing = proxyHeader === undefined ? 'proxyHeader' : 'trustedProxies';
  return valueProblem(document, ['dashboard', missing], 'proxyHeader and trustedProxies only go together');
}

/** Whether a dump's path is one collection's file. */
export function isDumpFile(path: string): boolean {
  return /\.bson(?:\.gz)?$/.test(path);
}

function checkVault({ vault }: Config, document: ConfigDocument): Problem[] {
  if (vault?.auth.method !== 'approle') return [];
  const { secretId, secretIdFile, wrapped } = vault.auth;
  const at = (key: string, words: string) => valueProblem(document, ['vault', 'auth', key], words);
  if (secretId !== undefined && secretIdFile !== undefined)
    return at('secretIdFile', 'secretId is there too: leave one out');
  if (!wrapped || secretId !== undefined || secretIdFile !== undefined) return [];
  return at('wrapped', 'needs secretIdFile or secretId: the token that wraps the secret id');
}

function checkPipeline(config: Config, document: ConfigDocument, name: string, pipeline: PipelineConfig): Problem[] {
  const base = ['pipelines', name];
  return [
    ...checkReference(config, document, [...base, 'source', 'connection'], pipeline.source.connection, [
      'mongodb',
      'dump',
    ]),
    ...checkSource(config, document, base, pipeline),
    ...checkTable(config, document, base, pipeline),
    ...checkOverrides(document, base, pipeline),
  ];
}

function checkSource(config: Config, document: ConfigDocument, base: KeyPath, pipeline: PipelineConfig): Problem[] {
  const connection = own(config.connections, pipeline.source.connection);
  const { database, collections, mode } = pipeline.source;
  const problems: Problem[] = [];
  if (mode === 'changestream' && connection?.kind === 'dump')
    problems.push(...valueProblem(document, [...base, 'source', 'mode'], 'a dump has no change stream'));
  if (connection?.kind === 'mongodb') {
    if (database === undefined) {
      problems.push(...valueProblem(document, [...base, 'source', 'database'], 'expected the name of a database'));
    }
    if (collections === undefined) {
      const words = 'expected a list of names; ["*"] is all';
      problems.push(...valueProblem(document, [...base, 'source', 'collections'], words));
    }
  }
  return problems;
}

function checkTable(config: Config, document: ConfigDocument, base: KeyPath, pipeline: PipelineConfig): Problem[] {
  const { uri, connection } = pipeline.table;
  const uriPath = [...base, 'table', 'uri'];
  const connectionPath = [...base, 'table', 'connection'];
  const wrong = tableUriProblem(uri);
  if (wrong !== undefined) return valueProblem(document, uriPath, wrong);
  const problems: Problem[] = [];
  if (tableUriKind(uri) === 's3') {
    if (connection === undefined) {
      problems.push(...valueProblem(document, connectionPath, 's3:// needs the name of an s3 connection'));
    } else {
      problems.push(...checkReference(config, document, connectionPath, connection, ['s3']));
    }
  } else if (connection !== undefined) {
    problems.push(
      ...keyProblemList(document, connectionPath, 'a local folder takes no connection; write an s3:// uri for one'),
    );
  }
  if (mayBeMany(config, pipeline) && !uri.includes('{collection}')) {
    const words =
      'needs {collection}: more than one collection can match, and each is a table with a folder of its own';
    problems.push(...valueProblem(document, uriPath, words));
  }
  return problems;
}

function mayBeMany(config: Config, pipeline: PipelineConfig): boolean {
  const { collections } = pipeline.source;
  if (collections !== undefined) return (literalNames(collections)?.length ?? 2) > 1;
  const connection = own(config.connections, pipeline.source.connection);
  return connection?.kind === 'dump' && !isDumpFile(connection.path);
}

function checkOverrides(document: ConfigDocument, base: KeyPath, pipeline: PipelineConfig): Problem[] {
  const patterns = pipeline.source.collections;
  if (patterns === undefined) return [];
  return Object.keys(pipeline.collections)
    .filter((name) => !matchesPatterns(patterns, name))
    .map((name) =>
      keyProblem(document, [...base, 'collections', name], 'source.collections does not take this collection'),
    );
}

function checkReference(
  config: Config,
  document: ConfigDocument,
  path: KeyPath,
  name: string,
  kinds: readonly string[],
): Problem[] {
  const connection = own(config.connections, name);
  if (connection !== undefined && kinds.includes(connection.kind)) return [];
  const wanted = kinds.join(' or ');
  if (connection !== undefined) {
    return valueProblem(
      document,
      path,
      `this connection is of kind ${connection.kind}; expected one of kind ${wanted}`,
    );
  }
  const fitting = Object.entries(config.connections).filter(([, candidate]) => kinds.includes(candidate.kind));
  const names = fitting.map(([candidate]) => candidate);
  if (names.length === 0) return valueProblem(document, path, `there is no connection of kind ${wanted} at all`);
  // A near match would tell of a value that came from a variable; the list of names tells nothing of it.
  const near = document.references(path).length === 0 ? didYouMean(name, names) : '';
  return valueProblem(document, path, `no connection of this name${near}`);
}

/** Two pipelines may not fill to one folder, or to one within the other's: a cleaner of the outer table would delete the inner. */
function checkSharedFolders(config: Config, document: ConfigDocument): Problem[] {
  const pipelines = Object.keys(config.pipelines);
  return pipelines.flatMap((name, index) => {
    const other = pipelines.slice(0, index).find((earlier) => mayShareFolder(config, earlier, name));
    if (other === undefined) return [];
    const words = `leads to the same folder as pipelines.${other}.table.uri, or one within it, for some collection; add {pipeline} or another folder`;
    return valueProblem(document, ['pipelines', name, 'table', 'uri'], words);
  });
}

function mayShareFolder(config: Config, a: string, b: string): boolean {
  const urisOfA = sampleUris(config, a);
  const urisOfB = sampleUris(config, b);
  return (
    storeOf(config, a) === storeOf(config, b) &&
    (urisOfA.some((uri) => claims(config, b, uri)) ||
      urisOfB.some((uri) => claims(config, a, uri)) ||
      urisOfA.some((uri) => urisOfB.some((other) => nested(uri, other))))
  );
}

/** A wildcard matches itself as a name, so each pattern stands for one name that it takes. */
function sampleUris(config: Config, name: string): readonly string[] {
  const pipeline = config.pipelines[name];
  if (pipeline === undefined) return [];
  const patterns = pipeline.source.collections ?? ['*'];
  const samples = (literalNames(patterns) ?? patterns.map((pattern) => pattern.replace(/\\/g, ''))).filter((sample) =>
    matchesPatterns(patterns, sample),
  );
  const absolute = absoluteTableUri(pipeline.table.uri, dirname(config.file));
  const database = pipeline.source.database ?? '*';
  return samples.map((collection) => fillTableUri(absolute, { pipeline: name, database, collection }));
}

/** Whether pipeline `name` would put one of its collections at `uri`. */
export function claims(config: Config, name: string, uri: string): boolean {
  const pipeline = config.pipelines[name];
  if (pipeline === undefined) return false;
  const absolute = absoluteTableUri(pipeline.table.uri, dirname(config.file));
  const database = pipeline.source.database ?? '*';
  const collection = collectionOfUri(absolute, { pipeline: name, database }, uri);
  if (collection === undefined) return false;
  return !absolute.includes('{collection}') || matchesPatterns(pipeline.source.collections ?? ['*'], collection);
}

/** Names a store by where it is: one bucket name may exist at two endpoints. */
export function storeOf(config: Config, name: string): string {
  const connection = config.pipelines[name]?.table.connection;
  const store = connection === undefined ? undefined : own(config.connections, connection);
  return store?.kind === 's3' ? `s3 ${store.endpoint ?? ''}` : 'file';
}

function nested(a: string, b: string): boolean {
  return a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}

function keyProblemList(document: ConfigDocument, path: KeyPath, message: string): Problem[] {
  return document.isUnknown(path) ? [] : [keyProblem(document, path, message)];
}

function own<T>(map: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
