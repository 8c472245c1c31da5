import { Binary, Double, Int32, Long, serialize, ObjectId } from 'bson';
import { localTable, type Doc } from './thread/table.ts';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';

export async function read(files: readonly { path: string }[]) {
  const rows: any[] = [];
  for (const f of files) rows.push(...(await parquetReadObjects({ file: await asyncBufferFromFile(f.path), utf8: false })));
  return rows;
}
const tests: Record<string, Doc[][]> = {
  happy: [[{ _id: 1, a: 'x', t: ['a', null, 'b'], s: { x: 1 } }], [{ _id: 1, a: 'y' }, { _id: 2, a: 'z' }]],
  seqField: [[{ _id: 1, $seq: 'x', $cursor: 3, $x: 1 }]],
  rowidField: [[{ _id: 1, rowid: 5, a: 1 }, { _id: 1, rowid: 5, a: 2 }, { _id: 2, rowid: 5, a: 3 }]],
  sparseNulls: [[{ _id: 1, a: [...Array.from({ length: 30000 }, (_, i) => i), null, 7] }]],
  staleNulls: [[...Array.from({ length: 2048 }, (_, i) => ({ _id: i, a: i % 2 ? null : [null, i], s: { x: i % 3 ? null : i } })), ...Array.from({ length: 2048 }, (_, i) => ({ _id: 2048 + i, a: [i, i], s: { x: i } }))]],
  negZero: [[{ _id: 1, a: new Double(0), s: { x: new Double(0.5), y: new Double(0) }, l: [new Double(0), new Double(0.5)] }, { _id: 2, a: new Double(0.5), s: { x: 1, y: new Double(0.5) }, l: [] }], [{ _id: 1, a: new Double(-0), s: { x: new Double(0.5), y: new Double(0) }, l: [new Double(0), new Double(0.5)] }], [{ _id: 1, a: new Double(-0), s: { x: new Double(0.5), y: new Double(-0) }, l: [new Double(0), new Double(0.5)] }], [{ _id: 1, a: new Double(-0), s: { x: new Double(0.5), y: new Double(-0) }, l: [new Double(-0), new Double(0.5)] }]],
  binary: [[{ _id: 1, a: new Binary(Buffer.from([0xff, 0xfe, 0, 1, 0x80])), b: new Binary(Buffer.alloc(0)) }]],
  nulIds: [[{ _id: 'a\0b' }, { _id: 'a' }, { _id: 'a\0' }, { _id: '\0' }, { _id: '' }], [{ _id: 'a\0b', x: 1 }, { _id: 'a\0c', x: 1 }, { _id: '', x: 2 }]],
  aliases: [[{ _id: 1, b: { _id: 1, updateTime: new Date(5) }, c: { _id: 9 }, d: { _id: 3 }, base: { _id: 1 }, delta: { _id: 4 }, changed: 1, verdict: 1, outcome: 'inserted', n: 4, place: 7, updateTime: new Date(7) }, { _id: 2, b: { _id: 1 }, updateTime: new Date(7) }], [{ _id: 1, b: { _id: 2 }, c: { _id: 1 }, d: { _id: 1 }, outcome: 'x', updateTime: new Date(8) }]],
  nullStruct: [[{ _id: 1, s: { a: 1 }, l: [1] }, { _id: 2, s: null, l: null }, { _id: 3, s: {}, l: [] }, { _id: 4, s: { a: null }, l: [null] }], [{ _id: 2, s: {}, l: null }], [{ _id: 2, s: {}, l: [] }], [{ _id: 2, s: {}, l: [null] }], [{ _id: 2, s: null, l: [null] }]],
  boolByte: [[Buffer.from([0x0f + 0, 0, 0, 0, 0x10, 0x5f, 0x69, 0x64, 0, 1, 0, 0, 0, 0x08, 0x61, 0, 2, 0]).fill(18, 0, 1)]],
  longText: [[{ _id: 1, a: '😀'.repeat(300), b: 'a"b\\c\n\0d', c: '\u{10ffff}'.repeat(100) }, { _id: 2, a: 'a'.repeat(300), b: "it's", c: '\u{10ffff}'.repeat(101) }]],
  dates: [[{ _id: 1, a: new Date(-1), b: new Date('0001-01-01T00:00:00.000Z') }, { _id: 2, a: new Date(-1500), b: new Date('9999-12-31T23:59:59.999Z') }]],
  dupId: [[Buffer.concat([Buffer.from([20 + 0, 0, 0, 0]), Buffer.from([0x10]), Buffer.from('_id\0'), Buffer.from([1, 0, 0, 0]), Buffer.from([0x10]), Buffer.from('_id\0'), Buffer.from([2, 0, 0, 0]), Buffer.from([0])]).fill(23, 0, 1)]],
  deep: [[(() => { let d: any = { x: 1 }; for (let i = 0; i < 98; i++) d = { d }; return { _id: 1, ...d }; })()]],
  deepArray: [[(() => { let d: any = [1]; for (let i = 0; i < 98; i++) d = [d]; return { _id: 1, d }; })()]],
  deepJson: [[(() => { let d: any = [1, 'x']; for (let i = 0; i < 98; i++) d = [d, 1]; return { _id: 1, d }; })()]],
  emptyName: [[{ _id: 1, '': 5, ' ': 6, ',': { '': 1, ' ': 2 } }]],
  addNested: [[{ _id: 1, s: { a: 1 }, l: [{ a: 1 }, null] , n: null}, { _id: 2, s: null, l: [{a: 3}] }], [{ _id: 3, s: { b: 'x' }, l: [{ b: 2 }], n: 1 }]],
};
const only = process.argv.slice(2);
for (const [name, runs] of Object.entries(tests)) {
  if (only.length && !only.includes(name)) continue;
  const table = localTable();
  try {
    for (const docs of runs) {
      const started = performance.now();
      const outcome = await table.sync([docs]);
      const ms = performance.now() - started;
      const rows = await read(table.files());
      let text = JSON.stringify(rows, (_, v) => (typeof v === 'bigint' ? Number(v) : Object.is(v, -0) ? '-0' : v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v));
      if (name === 'staleNulls') text = `bad ${rows.filter((r, i) => i >= 2048 && (r.a?.[0] === null || r.a === null || r.s.x === null)).length}`;
      if (name === 'sparseNulls') text = JSON.stringify([rows[0].a.length, rows[0].a.slice(29998).map(String)]);
      console.log(name, JSON.stringify(outcome.counts), Math.round(ms), text.slice(0, 600));
      if (['longText', 'dates', 'nullStruct','binary','addNested'].includes(name)) for (const f of table.files()) console.log('   stats', f.stats);
    }
  } catch (e: any) {
    console.log(name, 'ERROR', e.code, String(e.message).slice(0, 300));
  } finally { table.remove(); }
}
