import type { Readable } from 'node:stream';

/** What a successful read or write says about the object. */
export interface ObjectVersion {
  /** Opaque version of the content; equal content written twice may or may not share it. */
  readonly etag: string;
}

export interface ObjectInfo {
  readonly key: string;
  readonly size: number;
  /** Epoch milliseconds as the store tells it. */
  readonly modifiedAt: number;
}

/** `[start, end)` in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What arrived in a local file. */
export interface Downloaded {
  /** Bytes. */
  readonly size: number;
  /** CRC-32 of the bytes as they were written, 8 hex digits. */
  readonly crc32: string;
}

export type PutIfResult =
  | { readonly written: true; readonly etag: string }
  /** The condition did not hold: another object is there (or, for `putIfMatch`, another version or none). */
  | { readonly written: false };

/**
 * Object storage below one root (a table's folder or prefix). Keys are relative to it, `/`-separated, without a leading slash.
 *
 * Ordering: read-after-write for every call, `list` included. Errors: `MongolakeError` (`STORE_UNREACHABLE` retryable,
 * `STORE_REFUSED` not). A call that throws has an unknown outcome: the object may or may not have been written, now or
 * a little later. Conditional puts settle this by themselves where `writerId` appears in the body: after a 412 or a lost answer they read
 * the object back and report `written: true` if it is their own.
 */
export interface Storage {
  /** Where the root is, for messages: `s3://bucket/prefix` or `file:/abs/path`. Never carries a secret. */
  readonly uri: string;
  /** The whole object, or the given range of it; `undefined` where there is none. Length is verified. */
  get(key: string, range?: ByteRange): Promise<{ readonly body: Buffer; readonly etag: string } | undefined>;
  /** Streams the object into a local file, replacing it. Length is verified. Throws `OBJECT_MISSING` where there is none. */
  download(key: string, path: string, signal?: AbortSignal): Promise<Downloaded>;
  /** Streams a body of any length to a new key. Atomic: readers see the whole object or none. Overwrites. */
  put(key: string, body: Buffer | Readable, signal?: AbortSignal): Promise<ObjectVersion & { readonly size: number }>;
  /** Creates the object only where none exists. `writerId` names this one write: a string that occurs in `body` and in no other. */
  putIfAbsent(key: string, body: Buffer, writerId: string): Promise<PutIfResult>;
  /** Replaces the object only while its version is `etag`. `writerId` as in `putIfAbsent`. */
  putIfMatch(key: string, body: Buffer, etag: string, writerId: string): Promise<PutIfResult>;
  /** Every object whose key starts with `prefix`, in UTF-8 order of keys; `startAfter` skips keys up to and including it. */
  list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<ObjectInfo>;
  /** Deletes objects; absent ones are not an error. */
  delete(keys: readonly string[]): Promise<void>;
  /** Releases sockets. The object is unusable afterwards. */
  close(): Promise<void>;
}
