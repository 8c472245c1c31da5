import { expect, vi } from 'vitest';
import { alertsText, withFor } from '../helm/rules.ts';
import { type Alert, type PrometheusServer, startPrometheus } from '../services/prometheus.ts';
import { required } from '../services/result.ts';
import type { Running } from './cli.ts';
import { servedBy } from './served.ts';

const SOON = { timeout: 90_000, interval: 200 };

type Labels = Readonly<Record<string, string>>;

/** A Prometheus with the rules that people load; only what they wait for (`for`) is shorter. */
export interface Monitoring {
  readonly prometheus: PrometheusServer;
  /** Scrapes this process from now on, as a target of the job; `undefined` for none of the job. */
  watch(job: string, process: Running | undefined): Promise<void>;
  /** Waits until an alert of that name and with these labels fires; gives it. */
  fires(name: string, labels?: Labels): Promise<Alert>;
  /** Waits until no such alert is pending or fires. */
  ends(name: string, labels?: Labels): Promise<void>;
  /** Waits until nothing is pending or fires. */
  isQuiet(): Promise<void>;
}

/** Starts one. An alert fires once its condition held for `duration`. */
export async function monitoring(duration: string): Promise<Monitoring> {
  const prometheus = required(await startPrometheus(withFor(alertsText(), duration)));
  const targets = new Map<string, string>();
  const such = async (name: string, labels: Labels) =>
    (await prometheus.alerts()).filter(
      (alert) =>
        alert.labels.alertname === name && Object.entries(labels).every(([key, value]) => alert.labels[key] === value),
    );
  return {
    prometheus,
    async watch(job, process) {
      if (process === undefined) targets.delete(job);
      else targets.set(job, (await servedBy(process)).address);
      prometheus.scrape(Object.fromEntries([...targets].map(([each, address]) => [each, [address]])));
    },
    fires: (name, labels = {}) =>
      vi.waitFor(async () => {
        const [alert] = (await such(name, labels)).filter(({ state }) => state === 'firing');
        if (alert === undefined) throw new Error(`${name} does not fire`);
        return alert;
      }, SOON),
    ends: (name, labels = {}) => vi.waitFor(async () => expect(await such(name, labels)).toEqual([]), SOON),
    isQuiet: () => vi.waitFor(async () => expect(await prometheus.alerts()).toEqual([]), SOON),
  };
}
