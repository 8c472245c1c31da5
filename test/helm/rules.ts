import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';

/** An alerting rule of Prometheus. */
export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

/** The rule file that the chart deploys. */
export const ALERTS_FILE = fileURLToPath(new URL('../../helm/files/alerts.yaml', import.meta.url));

/** Its text, as people load it. */
export function alertsText(): string {
  return readFileSync(ALERTS_FILE, 'utf8');
}

/** All rules of a rule file, in order. */
export function rulesOf(text: string): readonly Rule[] {
  return (parse(text) as RuleFile).groups.flatMap(({ rules }) => rules);
}

/** The rule file with another `for` in every rule, and nothing else changed. */
export function withFor(text: string, duration: string): string {
  const { groups } = parse(text) as RuleFile;
  return stringify({
    groups: groups.map((group) => ({ ...group, rules: group.rules.map((rule) => ({ ...rule, for: duration })) })),
  });
}
