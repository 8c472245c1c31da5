/**
 * Time and randomness, injected so that a run can be replayed. Only the system adapter touches the real ones.
 */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch (UTC). May jump; never used to measure a duration. */
  now(): number;
  /** Monotonic clock, milliseconds from an arbitrary start. Never goes back. */
  monotonic(): number;
  /**
   * Resolves after `ms` milliseconds, or rejects with the signal's reason once it is aborted. With `background` the wait does not
   * keep the process alive.
   */
  sleep(ms: number, signal?: AbortSignal, options?: { readonly background?: boolean }): Promise<void>;
  /** `bytes` random bytes as lower-case hex; unique enough to name an attempt. */
  randomHex(bytes: number): string;
}
