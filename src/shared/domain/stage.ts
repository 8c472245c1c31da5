/** Stages of a run, in order. */
export const STAGES = ['window', 'extract', 'schema', 'merge', 'commit'] as const;

export type Stage = (typeof STAGES)[number];

/** How long each stage of a run took, milliseconds. */
export type StageDurations = Readonly<Record<Stage, number>>;
