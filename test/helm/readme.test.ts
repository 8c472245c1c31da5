import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderReadme } from '../../scripts/helm-values.ts';
import { EXAMPLES } from './chart.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const PAGE = 'Before.\n<!-- values: made by npm run chart:readme -->\nold\n<!-- /values -->\nAfter.\n';

describe('the tables of the chart in its README', () => {
  it('are up to date (else run: npm run chart:readme)', () => {
    const page = read('helm/README.md');
    expect(renderReadme(page, read('helm/values.yaml'))).toBe(page);
  });

  it('are made of the comments, also those of maps, with defaults as they would be written', () => {
    const values = [
      '# The file.',
      '',
      '# A name | or none,',
      '# at most one.',
      'name: ""',
      '# Work.',
      'worker:',
      '  # How many.',
      '  count: 2',
      '  # Room.',
      '  scratch:',
      '    # How much.',
      '    size: 1Gi',
      '  # Labels of nodes.',
      '  nodes:',
      '    disk: fast',
    ].join('\n');
    expect(renderReadme(PAGE, values)).toBe(
      [
        'Before.',
        '<!-- values: made by npm run chart:readme -->',
        '',
        '| value  | default | what                            |',
        '| ------ | ------- | ------------------------------- |',
        '| `name` | `""`    | A name \\| or none, at most one. |',
        '',
        '### worker',
        '',
        'Work.',
        '',
        '| value                 | default          | what             |',
        '| --------------------- | ---------------- | ---------------- |',
        '| `worker.count`        | `2`              | How many.        |',
        '| `worker.scratch`      |                  | Room.            |',
        '| `worker.scratch.size` | `1Gi`            | How much.        |',
        '| `worker.nodes`        | `{ disk: fast }` | Labels of nodes. |',
        '',
        '<!-- /values -->',
        'After.',
        '',
      ].join('\n'),
    );
  });

  it('need a comment for every value, and their place in the page', () => {
    const without = '# Work.\nworker:\n  # How many.\n  count: 2\n  size: 1\n';
    expect(() => renderReadme(PAGE, without)).toThrow('values.yaml: worker.size has no comment');
    expect(() => renderReadme('Nothing.', without)).toThrow('README.md has no <!-- values');
  });
});

it('the README tells of every example, and of no other', () => {
  const told = [...read('helm/README.md').matchAll(/\(ci\/([a-z-]+)-values\.yaml\)/g)].map(([, name]) => name);
  expect(told.sort()).toEqual(Object.keys(EXAMPLES).sort());
});
