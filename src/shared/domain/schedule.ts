/** When the coordinator starts a run of a table by itself. */
export type Schedule =
  | { readonly kind: 'none' }
  | { readonly kind: 'every'; readonly every_ms: number }
  /** Five or six fields, read in UTC. */
  | { readonly kind: 'cron'; readonly expression: string };
