/**
 * The actions of a Delta log entry that mongolake reads and writes (Delta PROTOCOL.md, "Actions"; reader 1, writer 2).
 * Field names are the protocol's. 64-bit integers are `bigint` where they can pass 2^53, else `number`.
 */
export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  /** Only of reader version 3 and writer version 7, which we refuse; kept so that the refusal can name them. */
  readonly readerFeatures?: readonly string[];
  readonly writerFeatures?: readonly string[];
}

export interface Metadata {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly format: { readonly provider: string; readonly options: Readonly<Record<string, string>> };
  /** The schema as JSON in a string ("Schema Serialization Format"). */
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly createdTime?: number;
}

export interface AddFile {
  /** Relative to the table's root, URI-encoded. */
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** Bytes. */
  readonly size: number;
  /** Epoch milliseconds. */
  readonly modificationTime: number;
  readonly dataChange: boolean;
  /** Statistics as JSON in a string ("Per-file Statistics"). */
  readonly stats?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface RemoveFile {
  readonly path: string;
  /** Epoch milliseconds; with the retention it tells when the file may be vacuumed. */
  readonly deletionTimestamp?: number;
  readonly dataChange: boolean;
  readonly extendedFileMetadata?: boolean;
  readonly partitionValues?: Readonly<Record<string, string | null>>;
  readonly size?: number;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Application transaction: `version` is a 64-bit integer of ours, monotonic per `appId`. */
export interface Txn {
  readonly appId: string;
  readonly version: bigint;
  /** Epoch milliseconds. */
  readonly lastUpdated?: number;
}

/** Provenance; any JSON. Not part of checkpoints. */
export type CommitInfo = Readonly<Record<string, unknown>>;

export type Action =
  | { readonly commitInfo: CommitInfo }
  | { readonly protocol: Protocol }
  | { readonly metaData: Metadata }
  | { readonly txn: Txn }
  | { readonly remove: RemoveFile }
  | { readonly add: AddFile };

/**
 * The state of a table at one version: what a checkpoint holds ("Action Reconciliation"). In it every `dataChange` is false: that
 * flag is about a commit, so a state must not differ by it depending on whether it was read from entries or from a checkpoint.
 */
export interface Snapshot {
  readonly version: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  /** Live files by path. */
  readonly files: ReadonlyMap<string, AddFile>;
  /** Tombstones by path, until they expire. */
  readonly tombstones: ReadonlyMap<string, RemoveFile>;
  readonly txns: ReadonlyMap<string, Txn>;
}
