/** The promise of the whole tool, at its smallest. T1 to T4 are five minutes apart, T2.1 lies between T2 and T3. */

/** Epoch milliseconds of T0. */
export const base = Date.parse('2026-01-10T10:00:00.000Z');

export const T = (n: number) => new Date(base + n * 300_000);

/** A document as the source has it. */
export const document = (id: number, a = `A${id}`, b = `B${id}`, t = T(id)) => ({ _id: id, a, b, updateTime: t });

/** What the table has before the sync. */
export const old = [document(1), document(2), document(3, 'A2.1', 'B2.1', T(2.1))];

/** What the source has, and the table after the sync. */
export const fresh = [1, 2, 3, 4].map((id) => document(id));

/** The documents as readers of the table give them. */
export const rows = (documents: readonly ReturnType<typeof document>[]) =>
  documents.map(({ _id, a, b, updateTime }) => ({
    _id,
    a,
    b,
    updateTime: updateTime.toISOString().replace('Z', '000Z'),
  }));
