/** A sample: a metric's name with what a histogram adds to it, its labels and its value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const HELP = new RegExp(`^# HELP (${NAME}) (\\S.*)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;

/** Reads the text exposition format of Prometheus (version 0.0.4), by family. Throws at the first line that is not right. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, Family & { readonly samples: Sample[] }>();
  const seen = new Set<string>();
  let help: RegExpExecArray | undefined;
  let current: string | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const wrong = (why: string) => new Error(`${why}: ${line}`);
    if (seen.has(line.replace(/ \S+$/, ''))) throw wrong('twice');
    seen.add(line.replace(/ \S+$/, ''));
    if (line.startsWith('# HELP ')) {
      help = HELP.exec(line) ?? undefined;
      if (help === undefined) throw wrong('no help');
    } else if (line.startsWith('# TYPE ')) {
      const [, name = '', type = ''] = TYPE.exec(line) ?? [];
      if (name === '' || help?.[1] !== name || families.has(name)) throw wrong('no type of the help before it');
      families.set(name, { type, help: help[2] ?? '', samples: [] });
      current = name;
    } else {
      const sample = parseSample(line);
      const family = families.get(current ?? '');
      const suffix = sample?.name.slice(current?.length);
      const suffixes =
        family?.type === 'histogram' || family?.type === 'summary' ? ['_bucket', '_sum', '_count', ''] : [''];
      if (sample === undefined || family === undefined || !sample.name.startsWith(current ?? ' '))
        throw wrong('no sample');
      if (!suffixes.includes(suffix ?? '')) throw wrong('of another family');
      family.samples.push(sample);
    }
  }
  return families;
}

function parseSample(line: string): Sample | undefined {
  const [, name, body = '', value = ''] = SAMPLE.exec(line) ?? [];
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
  // In any case, as Prometheus reads it: prom-client writes Nan.
  if (name === undefined || (Number.isNaN(number) && !/^nan$/i.test(value))) return undefined;
  const labels: Record<string, string> = {};
  let rest = body;
  while (rest !== '') {
    const label = LABEL.exec(rest);
    if (label?.[1] === undefined) return undefined;
    labels[label[1]] = (label[2] ?? '').replaceAll(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(label[0].length);
  }
  return { name, labels, value: number };
}

/** The value of the one sample with these labels; `undefined` where there is none. */
export function sampleOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const all = [...families.values()].flatMap(({ samples }) => samples).filter((sample) => sample.name === name);
  return all.find((sample) => {
    const keys = Object.keys(sample.labels);
    return keys.length === Object.keys(labels).length && keys.every((key) => sample.labels[key] === labels[key]);
  })?.value;
}
