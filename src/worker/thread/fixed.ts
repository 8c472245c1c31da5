import { MongolakeError } from '../../shared/domain/errors.ts';
import { type FixedType, fixedText, fixedUnits } from '../../shared/domain/fixed.ts';
import { bindings } from './duckdb.ts';
import { Validity } from './validity.ts';
import type { Builder } from './vectors.ts';

/** A builder for a decimal column, which DuckDB keeps as integers of 10^-scale in as few bytes as the precision needs. */
export function fixedBuilder(type: FixedType): Builder {
  const width = widthOf(type.precision);
  let units: bigint[] = [];
  const nulls = new Validity();
  return {
    get count() {
      return units.length;
    },
    appendNull() {
      nulls.setNull(units.length);
      units.push(0n);
    },
    append(bytes, bsonType, at) {
      const value = fixedUnits(bytes, bsonType, at, type);
      if (value === undefined)
        throw new MongolakeError('INTERNAL', `a ${fixedText(type)} column was given another value`);
      units.push(value);
    },
    flush(vector) {
      const data = new DataView(new ArrayBuffer(units.length * width));
      for (let i = 0; i < units.length; i++) write(data, i * width, width, units[i] as bigint);
      bindings.copy_data_to_vector(vector, 0, data.buffer, 0, data.byteLength);
      nulls.flush(vector, units.length);
      units = [];
    },
  };
}

type Width = 2 | 4 | 8 | 16;

/** Bytes of a value (DuckDB, "Fixed-Point Decimals", Internal Representation). */
function widthOf(precision: number): Width {
  if (precision <= 4) return 2;
  if (precision <= 9) return 4;
  return precision <= 18 ? 8 : 16;
}

function write(data: DataView, at: number, width: Width, value: bigint): void {
  if (width === 2) data.setInt16(at, Number(value), true);
  else if (width === 4) data.setInt32(at, Number(value), true);
  else {
    data.setBigInt64(at, BigInt.asIntN(64, value), true);
    if (width === 16) data.setBigInt64(at + 8, value >> 64n, true);
  }
}
