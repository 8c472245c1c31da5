import { closeSync, cpSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Makes `to` a copy of the folder `from`, whatever was there. */
export function restore(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
}

export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Paths of all files in a folder, in any depth. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The Parquet files of a folder, in any depth. */
export function parquetIn(folder: string): { readonly filesWritten: number; readonly bytesWritten: number } {
  const files = filesIn(folder).filter((path) => path.endsWith('.parquet'));
  return { filesWritten: files.length, bytesWritten: files.reduce((sum, path) => sum + statSync(path).size, 0) };
}

/** Reads a folder's files, so that the page cache has them. */
export function warm(folder: string): void {
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (const path of filesIn(folder)) {
    const file = openSync(path, 'r');
    while (readSync(file, buffer) > 0);
    closeSync(file);
  }
}
