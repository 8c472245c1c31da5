import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sectionBlocks } from '../../../src/worker/thread/sections.ts';
import { writeSection } from './table.ts';

const DOCUMENTS = Array.from({ length: 20 }, (_, i) => Buffer.from(`document ${i} `.repeat(5)));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mongolake-sections-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a section', () => {
  it('is unpacked chunk by chunk', () => {
    const section = writeSection(folder, 3, DOCUMENTS, 7);
    const chunks = [...sectionBlocks([section])];
    expect(chunks).toHaveLength(3);
    expect(Buffer.concat(chunks).equals(Buffer.concat(DOCUMENTS))).toBe(true);
  });

  it('is refused by its segment, whatever byte of it is another', () => {
    const section = writeSection(folder, 3, DOCUMENTS, 10);
    const whole = readFileSync(section.path);
    const corrupt = { code: 'OBJECT_CORRUPT', message: expect.stringContaining('a chunk of segment 3 has') };
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
      writeFileSync(section.path, damaged);
      expect(() => [...sectionBlocks([section])], `byte ${at}`).toThrow(expect.objectContaining(corrupt));
    }
  });

  it('is refused where a chunk holds less or more than its receipt says', () => {
    const section = writeSection(folder, 3, DOCUMENTS, 10);
    for (const other of [-1, 1]) {
      const chunks = section.chunks.map((chunk) => ({ ...chunk, rawLength: chunk.rawLength + other }));
      expect(() => [...sectionBlocks([{ ...section, chunks }])]).toThrow(/a chunk of segment 3 has \d+ bytes unpacked/);
    }
  });

  it('is refused where it is cut', () => {
    const section = writeSection(folder, 3, DOCUMENTS, 10);
    const whole = readFileSync(section.path);
    for (const length of [0, 1, whole.length - 1]) {
      writeFileSync(section.path, whole.subarray(0, length));
      expect(() => [...sectionBlocks([section])]).toThrow(/a chunk of segment 3 has \d+ bytes instead of \d+/);
    }
  });
});
