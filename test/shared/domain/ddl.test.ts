import { describe, expect, it } from 'vitest';
import { type DdlTable, ddlOf } from '../../../src/shared/domain/ddl.ts';

const TABLE: DdlTable = { uri: 's3://lake/guest/notes', schema: 'guest', name: 'notes', catalog: 'delta' };
const ODD: DdlTable = { uri: "s3://lake/o'd/a b", schema: 'My-DB', name: 'it"s `a` Table', catalog: 'de"lta' };
const LOCAL: DdlTable = { ...TABLE, uri: "file:/a/o'd" };

describe('DDL of a table on S3', () => {
  it('for Athena', () => {
    expect(ddlOf('athena', TABLE).statements).toEqual([
      'CREATE DATABASE IF NOT EXISTS `guest`',
      "CREATE EXTERNAL TABLE `guest`.`notes` LOCATION 's3://lake/guest/notes/' TBLPROPERTIES ('table_type' = 'DELTA')",
    ]);
    expect(ddlOf('athena', ODD).statements[1]).toBe(
      "CREATE EXTERNAL TABLE `my_db`.`it_s__a__table` LOCATION 's3://lake/o''d/a b/' TBLPROPERTIES ('table_type' = 'DELTA')",
    );
  });

  it('for Trino', () => {
    expect(ddlOf('trino', TABLE).statements).toEqual([
      'CREATE SCHEMA IF NOT EXISTS "delta"."guest"',
      `CALL "delta".system.register_table(schema_name => 'guest', table_name => 'notes', table_location => 's3://lake/guest/notes')`,
    ]);
    expect(ddlOf('trino', ODD).statements).toEqual([
      'CREATE SCHEMA IF NOT EXISTS "de""lta"."my-db"',
      `CALL "de""lta".system.register_table(schema_name => 'my-db', table_name => 'it"s \`a\` table', table_location => 's3://lake/o''d/a b')`,
    ]);
  });

  it('for Spark, by s3a', () => {
    expect(ddlOf('spark', TABLE).statements).toEqual([
      'CREATE SCHEMA IF NOT EXISTS `guest`',
      "CREATE TABLE IF NOT EXISTS `guest`.`notes` USING DELTA LOCATION 's3a://lake/guest/notes'",
    ]);
    expect(ddlOf('spark', ODD).statements[1]).toBe(
      "CREATE TABLE IF NOT EXISTS `My-DB`.`it\"s ``a`` Table` USING DELTA LOCATION 's3a://lake/o\\'d/a b'",
    );
  });

  it('for DuckDB', () => {
    expect(ddlOf('duckdb', TABLE).statements).toEqual([
      'INSTALL delta',
      'LOAD delta',
      'INSTALL aws',
      'LOAD aws',
      'CREATE OR REPLACE SECRET mongolake (TYPE s3, PROVIDER credential_chain)',
      'CREATE SCHEMA IF NOT EXISTS "guest"',
      `CREATE OR REPLACE VIEW "guest"."notes" AS SELECT * FROM delta_scan('s3://lake/guest/notes')`,
    ]);
    expect(ddlOf('duckdb', ODD).statements.at(-1)).toBe(
      `CREATE OR REPLACE VIEW "My-DB"."it""s \`a\` Table" AS SELECT * FROM delta_scan('s3://lake/o''d/a b')`,
    );
  });
});

describe('DDL of a table in a folder', () => {
  it('is for those that can read it', () => {
    expect(ddlOf('duckdb', LOCAL).statements).toEqual([
      'INSTALL delta',
      'LOAD delta',
      'CREATE SCHEMA IF NOT EXISTS "guest"',
      `CREATE OR REPLACE VIEW "guest"."notes" AS SELECT * FROM delta_scan('/a/o''d')`,
    ]);
    expect(ddlOf('spark', LOCAL).statements[1]).toBe(
      "CREATE TABLE IF NOT EXISTS `guest`.`notes` USING DELTA LOCATION 'file:///a/o\\'d'",
    );
  });

  it.each(['athena', 'trino'] as const)('is refused for %s', (engine) => {
    expect(() => ddlOf(engine, LOCAL)).toThrow(`is a local folder, which ${engine} can't read`);
  });
});
