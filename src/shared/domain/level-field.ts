/**
 * A field of one level of documents: documents of a collection have mostly the same fields in the same order, so each field remembers
 * which one followed it last, and a name that is met is compared with that before it is looked up.
 */
export interface LevelField<Self> {
  readonly name: string;
  /** In UTF-8, without its terminator. */
  readonly nameBytes: Uint8Array;
  next: Self | undefined;
}

/** True where the name of the element that begins at `at` is the field's. */
export function isNamed({ nameBytes }: Pick<LevelField<unknown>, 'nameBytes'>, bytes: Buffer, at: number): boolean {
  const { length } = nameBytes;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== nameBytes[i]) return false;
  return bytes[at + length] === 0;
}
