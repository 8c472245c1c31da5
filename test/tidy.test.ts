import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { importCycles, importDirection } from './tidy/imports.ts';
import {
  clocksAndChance,
  consoles,
  emptyNames,
  leftOutTests,
  longFiles,
  longFunctions,
  otherExports,
  unfinished,
} from './tidy/rules.ts';
import { parse, readTree, type SourceFile } from './tidy/source-file.ts';

/** The rules of the house, held over the whole tree; each is shown to bite by a small tree that breaks it. */
interface Rule {
  readonly name: string;
  readonly check: (files: readonly SourceFile[]) => string[];
  /** Path → text of files that break it. */
  readonly broken: Readonly<Record<string, string>>;
  readonly found: readonly string[];
}

const TREE = readTree(fileURLToPath(new URL('..', import.meta.url)), [
  'src',
  'test',
  'scripts',
  'docker',
  'examples',
  'bench',
]);

/** The only file that knows the real clock and real chance. */
const CLOCKS = ['src/shared/adapters/clock-system.ts'];
/** Leaves out the tests whose servers can't be had here, and says so; the count of skipped tests shows them. */
const SKIPPERS = ['test/services/context.ts'];
/** What a person starts in a terminal and that is no part of the program. */
const SPEAKERS = /^(?:scripts\/|test\/services\/)/;
/** Tools read their settings from a default export; a package without types of its own has one. */
const WITH_DEFAULT = /\.config\.ts$|^src\/types\//;
/** What the package exports, gathered from where it is. */
const ENTRY = 'src/index.ts';

const RULES: readonly Rule[] = [
  {
    name: 'imports go one way, into rooms that are open',
    check: importDirection,
    broken: {
      'src/shared/domain/a.ts': "import type { Clock } from '../ports/clock.ts';\nimport 'node:fs';\nimport 'bson';",
      'src/shared/ports/clock.ts': "import { x } from '../adapters/b.ts';\nimport { Readable } from 'node:stream';",
      'src/shared/adapters/b.ts': "import { c } from '../config/c.ts';\nimport { S3Client } from '@aws-sdk/client-s3';",
      'src/shared/config/c.ts': "import '../documents.ts';\nimport 'zod';",
      'src/shared/documents.ts': "import '../coordinator/d.ts';\nimport './gone.ts';",
      'src/coordinator/d.ts':
        "import '../worker/e.ts';\nimport '../shared/adapters/b.ts';\nimport { MongoClient } from 'mongodb';",
      'src/worker/e.ts':
        "import type { T } from './thread/f.ts';\nimport { t } from './thread/f.ts';\nconst d = await import('../coordinator/d.ts');",
      'src/worker/thread/f.ts':
        "type E = import('../e.ts').E;\nimport '@duckdb/node-api';\nimport '../../shared/documents.ts';",
      'src/composition.ts': "import './coordinator/d.ts';\nimport './shared/adapters/b.ts';",
      'src/cli/g.ts': "import '../coordinator/d.ts';\nimport '../worker/e.ts';\nimport '../shared/adapters/b.ts';",
      'src/app/i.ts': "import '../worker/e.ts';\nimport '../cli/g.ts';",
      'src/index.ts': "import './app/i.ts';\nimport './coordinator/d.ts';",
      'src/attic/h.ts': '',
    },
    found: [
      'src/shared/domain/a.ts:1: domain imports ports (src/shared/ports/clock.ts)',
      'src/shared/domain/a.ts:2: domain imports node:fs, which is not on its list of packages',
      'src/shared/ports/clock.ts:1: ports imports adapters (src/shared/adapters/b.ts)',
      'src/shared/ports/clock.ts:2: ports imports node:stream, which is not on its list of packages',
      'src/shared/adapters/b.ts:1: adapters imports config (src/shared/config/c.ts)',
      'src/shared/config/c.ts:1: config imports shared helpers (src/shared/documents.ts)',
      'src/shared/documents.ts:1: shared helpers imports coordinator (src/coordinator/d.ts)',
      'src/shared/documents.ts:2: imports src/shared/gone.ts, which is no file of src/',
      'src/coordinator/d.ts:1: coordinator imports worker (src/worker/e.ts)',
      'src/coordinator/d.ts:2: coordinator imports adapters (src/shared/adapters/b.ts)',
      'src/coordinator/d.ts:3: coordinator imports mongodb, which is for adapters',
      'src/worker/e.ts:2: worker imports more than types of worker/thread (src/worker/thread/f.ts)',
      'src/worker/e.ts:3: worker imports coordinator (src/coordinator/d.ts)',
      'src/worker/thread/f.ts:1: worker/thread imports worker (src/worker/e.ts)',
      'src/worker/thread/f.ts:3: worker/thread imports shared helpers (src/shared/documents.ts)',
      'src/composition.ts:1: composition imports coordinator (src/coordinator/d.ts)',
      'src/app/i.ts:2: app imports cli (src/cli/g.ts)',
      'src/index.ts:2: library imports more than types of coordinator (src/coordinator/d.ts)',
      'src/attic/h.ts:1: is in no room; name it in test/tidy/imports.ts',
    ],
  },
  {
    name: 'no circle of imports',
    check: importCycles,
    broken: {
      'src/a.ts': "import './b.ts';",
      'src/b.ts': "import 'node:fs';\nimport type { C } from './c.ts';",
      'src/c.ts': "import './d.ts';\nimport './a.ts';",
      'src/d.ts': '',
    },
    found: ['src/c.ts:2: closes a circle: src/a.ts → src/b.ts → src/c.ts → src/a.ts'],
  },
  {
    name: 'a file has at most 300 lines',
    check: (files) => longFiles(files, 300),
    broken: { 'src/300.ts': '\n'.repeat(300), 'src/301.ts': '\n'.repeat(301) },
    found: ['src/301.ts:301: the file has 301 lines, 300 are allowed'],
  },
  {
    name: 'a function has at most 70 lines',
    check: (files) => longFunctions(files, 70),
    broken: {
      'src/a.ts': `function long() {${'\n'.repeat(70)}}\n/** Long,\n * too. */\nexport const arrow = () => {${'\n'.repeat(69)}};`,
      'src/b.ts': `const arrow = () => {${'\n'.repeat(70)}};\nclass C {\n  method() {${'\n'.repeat(70)}}\n}`,
      'test/c.ts': `describe.each([])('d', () => {\ntest('t', () => {${'\n'.repeat(70)}});\n});`,
      'test/d.ts': `function group() {\ntest('t', () => {${'\n'.repeat(69)}});\n}\ndescribe('d', () => {${'\n'.repeat(70)}});`,
    },
    found: [
      'src/a.ts:1: long has 71 lines, 70 are allowed',
      'src/b.ts:1: arrow has 71 lines, 70 are allowed',
      'src/b.ts:73: method has 71 lines, 70 are allowed',
      'test/c.ts:2: a function has 71 lines, 70 are allowed',
    ],
  },
  {
    name: 'only the clock adapter knows the time and chance',
    check: (files) => clocksAndChance(files, CLOCKS),
    broken: {
      'src/a.ts': [
        'Date.now(); new Date(); Date();',
        'performance.now(); Math.random(); process.hrtime.bigint();',
        "import { createHash, randomBytes as chance } from 'node:crypto';",
        "import { setTimeout as wait } from 'node:timers/promises';",
        'setTimeout(f, 1); globalThis.setInterval(f, 1); AbortSignal.timeout(1);',
        'crypto.randomUUID();',
        "new Date(0); Math.max(1); socket.setTimeout(1); ({ setTimeout: 1 }); import { createHmac } from 'node:crypto';",
      ].join('\n'),
      'src/shared/adapters/clock-system.ts': 'Date.now();',
      'test/a.ts': 'Date.now();',
    },
    found: [
      ...['Date.now', 'new Date()', 'Date()'].map((what) => `src/a.ts:1: ${what}`),
      ...['performance', 'Math.random', 'process.hrtime'].map((what) => `src/a.ts:2: ${what}`),
      'src/a.ts:3: randomBytes',
      'src/a.ts:4: node:timers/promises',
      ...['setTimeout', 'setInterval', 'AbortSignal.timeout'].map((what) => `src/a.ts:5: ${what}`),
      'src/a.ts:6: crypto',
    ].map((start) => `${start}: take a Clock (src/shared/ports/clock.ts) instead`),
  },
  {
    name: 'exports have names and are passed on by nobody',
    check: (files) => otherExports(files.filter(({ path }) => !WITH_DEFAULT.test(path) && path !== ENTRY)),
    broken: {
      'src/a.ts':
        'export default 1;\nexport default function f() {}\nconst b = 1;\nexport { b as default };\nexport { b };',
      'src/b.ts': "export * from './a.ts';\nexport { b } from './a.ts';\nexport const c = 1;",
      'src/index.ts': "export { b } from './b.ts';",
      'x.config.ts': 'export default 1;',
    },
    found: [
      'src/a.ts:1: a default export',
      'src/a.ts:2: a default export',
      'src/a.ts:4: a default export',
      'src/b.ts:1: passes on what another file exports',
      'src/b.ts:2: passes on what another file exports',
    ],
  },
  {
    name: 'a file is named for what is in it',
    check: emptyNames,
    broken: { 'src/utils.ts': '', 'src/util/a.ts': '', 'test/string-utils.ts': '', 'src/utility-bill.ts': '' },
    found: ['src/utils.ts', 'src/util/a.ts', 'test/string-utils.ts'].map(
      (path) => `${path}:1: a name that says nothing; name it for what is in it`,
    ),
  },
  {
    name: 'nothing is left to be done later',
    check: unfinished,
    broken: { 'src/a.ts': `const a = 1;\n// ${'TO'}DO: more\n/* ${'FIX'}ME */ const mastodon = 1;` },
    found: [`src/a.ts:2: ${'TO'}DO: do it, or write an issue`, `src/a.ts:3: ${'FIX'}ME: do it, or write an issue`],
  },
  {
    name: 'no test is left out',
    check: (files) => leftOutTests(files, SKIPPERS),
    broken: {
      'test/a.test.ts':
        "test.only('a', f);\ndescribe.skip('b', f);\nit.skip.each([])('c', f);\ntest('d', () => list.skip(1));",
    },
    found: ['test/a.test.ts:1: test.only', 'test/a.test.ts:2: describe.skip', 'test/a.test.ts:3: it.skip'],
  },
  {
    name: 'nothing is written to the console',
    check: (files) => consoles(files, SPEAKERS),
    broken: { 'src/a.ts': "\nconsole.log('a');", 'scripts/a.mjs': "console.log('a');" },
    found: ['src/a.ts:2: console.log'],
  },
];

test.each(RULES.map((rule) => [rule.name, rule] as const))('%s', (_, { check }) => {
  expect(check(TREE)).toEqual([]);
});

test.each(RULES.map((rule) => [rule.name, rule] as const))('a break is found: %s', (_, { check, broken, found }) => {
  expect(check(Object.entries(broken).map(([path, text]) => parse(path, text)))).toEqual(found);
});

test('the whole tree is looked at', () => {
  expect(TREE.length).toBeGreaterThan(150);
  for (const folder of ['src/', 'test/', 'scripts/', 'examples/']) {
    expect(TREE.some(({ path }) => path.startsWith(folder))).toBe(true);
  }
});
