import { expect, vi } from 'vitest';
import { type Family, parseExposition, sampleOf } from '../shared/adapters/exposition.ts';
import type { Running } from './cli.ts';

const DEADLINE_MS = 60_000;

/** What a process serves at the address that its log tells. */
export interface Served {
  /** Host and port, as a scraper is told. */
  readonly address: string;
  scrape(): Promise<ReadonlyMap<string, Family>>;
  /** Status and body of a probe. */
  probe(path: '/healthz' | '/readyz'): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Scrapes until the sample has a value that fits. */
  reaches(name: string, labels: Readonly<Record<string, string>>, fits: (value: number) => boolean): Promise<void>;
  /** Asks until the probe answers so. */
  becomes(path: '/healthz' | '/readyz', status: number, body: unknown): Promise<void>;
}

/** Finds where a process serves its metrics. */
export async function servedBy(process: Running): Promise<Served> {
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await process.line('metrics at http://127.0.0.1:'))?.[0] ?? '';
  const scrape = async () => parseExposition(await (await fetch(`${url}/metrics`)).text());
  const probe: Served['probe'] = async (path) => {
    const answer = await fetch(`${url}${path}`);
    return { status: answer.status, body: await answer.json() };
  };
  const until = (look: () => Promise<void>) => vi.waitFor(look, { timeout: DEADLINE_MS, interval: 50 });
  return {
    address: new URL(url).host,
    scrape,
    probe,
    reaches: (name, labels, fits) =>
      until(async () => {
        const value = sampleOf(await scrape(), name, labels);
        expect(value, `${name} ${JSON.stringify(labels)}`).toSatisfy((found) => found !== undefined && fits(found));
      }),
    becomes: (path, status, body) => until(async () => expect(await probe(path)).toEqual({ status, body })),
  };
}
