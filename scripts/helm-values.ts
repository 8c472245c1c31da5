import { isMap, type Pair, parseDocument, stringify, type YAMLMap } from 'yaml';

/** One value of the chart. */
interface Value {
  /** `worker.scratch.size`. */
  readonly path: string;
  /** Its default, in flow style; empty for what holds other values. */
  readonly text: string;
  readonly description: string;
}

/** A key with its value, and the comment before it. */
interface Entry {
  readonly pair: Pair;
  readonly comment: string;
}

/** Where the tables begin and end in the page. */
const BEGIN = '<!-- values: made by npm run chart:readme -->';
const END = '<!-- /values -->';

/**
 * The chart's README.md with its tables made anew from values.yaml: one of the values at the top, and one for each section. The comment
 * before a key is its description; a map whose keys have none is one value. Throws where a value has no comment, or the page no place for them.
 */
export function renderReadme(page: string, values: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`README.md has no ${BEGIN} … ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${renderValues(values)}\n${page.slice(end)}`;
}

function renderValues(values: string): string {
  const { contents } = parseDocument(values);
  if (!isMap(contents)) throw new Error('values.yaml is no map');
  const entries = entriesOf(contents);
  const single = entries.filter(({ pair }) => !isSection(pair.value)).flatMap((entry) => valuesOf(entry, ''));
  const sections = entries.flatMap(({ pair: { key, value }, comment }) =>
    isSection(value) ? [`### ${key}\n\n${comment}\n\n${table(within(value, String(key)))}`] : [],
  );
  return [table(single), ...sections].join('\n');
}

/** A value, or what holds others and all of those. */
function valuesOf({ pair, comment }: Entry, base: string): readonly Value[] {
  const path = `${base}${pair.key}`;
  if (comment === '') throw new Error(`values.yaml: ${path} has no comment`);
  if (isSection(pair.value)) {
    return [{ path, description: comment, text: '' }, ...within(pair.value, path)];
  }
  const text = stringify(pair.value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
  return [{ path, description: comment, text }];
}

function within(map: YAMLMap, path: string): readonly Value[] {
  return entriesOf(map).flatMap((entry) => valuesOf(entry, `${path}.`));
}

/** Whether its keys are explained one by one. */
function isSection(value: unknown): value is YAMLMap {
  return isMap(value) && entriesOf(value).some(({ comment }) => comment !== '');
}

/** The keys of a map; the comment before the first is the map's own. */
function entriesOf(map: YAMLMap): readonly Entry[] {
  return (map.items as Pair[]).map((pair, index) => {
    const { commentBefore } = pair.key as { readonly commentBefore?: string | null };
    return { pair, comment: textOf(commentBefore ?? (index === 0 ? map.commentBefore : '') ?? '') };
  });
}

/** The lines of the last paragraph as one: what is before an empty line is about the file. */
function textOf(comment: string): string {
  const [text = ''] = comment.split(/\n\s*\n/).slice(-1);
  return text
    .split('\n')
    .map((line) => line.trim())
    .join(' ');
}

/** A table with its columns in line, as the formatter would have it. */
function table(values: readonly Value[]): string {
  const cells = values.map(({ path, text, description }) => [
    `\`${path}\``,
    text && `\`${text}\``,
    description.replaceAll('|', '\\|'),
  ]);
  const rows = [['value', 'default', 'what'], ...cells];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return `${[line(rows[0] ?? []), line(rule), ...cells.map(line)].join('\n')}\n`;
}
