import { resolve } from 'node:path';
import { didYouMean } from './suggest.ts';

/** What the placeholders of a table's URI stand for. */
export interface TableName {
  readonly pipeline: string;
  readonly database: string;
  readonly collection: string;
}

/** Where a table's URI leads. `relative` paths and `file:` go to the local disk. */
export type UriKind = 's3' | 'file';

const PLACEHOLDERS = ['pipeline', 'database', 'collection'] as const;

/** What is wrong with a table's URI, placeholders still in it; `undefined` where nothing is. The message does not quote it. */
export function tableUriProblem(template: string): string | undefined {
  for (const [, name] of template.matchAll(/\{([^{}]*)\}/g)) {
    const known = PLACEHOLDERS.map((placeholder) => `{${placeholder}}`);
    if (!known.includes(`{${name}}`)) return `unknown placeholder${didYouMean(`{${name}}`, known)}`;
  }
  if (/[{}]/.test(template.replace(/\{[^{}]*\}/g, ''))) return 'a { or } without its other half';
  if (/(?:^|[/:])(?:_delta_log|_mongolake)(?:\/|$)/.test(template)) return 'a folder of another table’s own';
  const scheme = schemeOf(template);
  if (scheme === undefined || scheme === 'file')
    return filePath(template).startsWith('//')
      ? 'a file: URI has no host; write file:/absolute or file:./relative'
      : undefined;
  if (scheme !== 's3') return 'expected s3://bucket/folder, file:./folder or a path';
  const [, bucket, folder] = /^s3:\/\/([^/]*)\/?(.*?)\/?$/s.exec(template) ?? [];
  if (bucket === undefined || !/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(bucket)) {
    return 'the bucket is missing or not a bucket name; write s3://bucket/folder';
  }
  if (folder === undefined || folder === '') return 'a folder is missing; write s3://bucket/folder';
  if (folder.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return 'an empty, "." or ".." segment in the path';
  }
  return undefined;
}

/** `s3`, or `file` for a `file:` URI and for a plain path. */
export function tableUriKind(template: string): UriKind {
  return schemeOf(template) === 's3' ? 's3' : 'file';
}

/** The URI with its placeholders, in the form in which two that lead to one place are equal: `s3://bucket/a` or `file:/abs/a`. */
export function absoluteTableUri(template: string, folder: string): string {
  if (tableUriKind(template) === 's3') return template.replace(/\/+$/, '');
  return `file:${resolve(folder, filePath(template))}`;
}

/** Fills the placeholders; each value becomes one path segment or a part of one, two names never the same. */
export function fillTableUri(absolute: string, name: TableName): string {
  return absolute.replace(/\{(pipeline|database|collection)\}/g, (_, key: keyof TableName) => encodeSegment(name[key]));
}

/** The collection for which `absolute` fills to `uri`; `undefined` where there is none. A URI without `{collection}` gives `''`. */
export function collectionOfUri(
  absolute: string,
  name: Omit<TableName, 'collection'>,
  uri: string,
): string | undefined {
  let groups = 0;
  const source = absolute
    .split(/(\{(?:pipeline|database|collection)\})/)
    .map((part) => {
      if (part === '{pipeline}') return escapePattern(encodeSegment(name.pipeline));
      if (part === '{database}') return escapePattern(encodeSegment(name.database));
      if (part !== '{collection}') return escapePattern(part);
      groups += 1;
      return groups === 1 ? '([^/]+)' : '\\1';
    })
    .join('');
  const match = new RegExp(`^${source}$`, 's').exec(uri);
  if (match === null) return undefined;
  const collection = decodeSegment(match[1] ?? '');
  return groups === 0 || encodeSegment(collection) === match[1] ? collection : undefined;
}

function schemeOf(uri: string): string | undefined {
  return /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(uri)?.[1]?.toLowerCase();
}

/** `file:./a`, `file:/a`, `file:///a`, `./a` as a path; more than one leading slash is left where a host would be. */
function filePath(template: string): string {
  if (schemeOf(template) !== 'file') return template;
  const rest = template.slice('file:'.length);
  return rest.startsWith('///') ? rest.slice(2) : rest;
}

/** Percent-encodes what a path, a glob or an object store gives a meaning; a name of only dots is encoded whole. */
function encodeSegment(value: string): string {
  if (/^\.+$/.test(value)) return value.replaceAll('.', '%2E');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return value.replace(/[\u0000-\u001f\u007f/\\%?*#"<>|:{}[\]^`]/g, (char) => {
    return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function decodeSegment(value: string): string {
  return value.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
