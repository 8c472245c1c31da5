/**
 * Every column of a Delta schema as `path type`, in its order; those within structs and arrays too, where an array is `path[]`. Nothing for
 * a text that is no schema. It takes any writer's (Delta PROTOCOL.md, "Schema Serialization Format").
 */
export function columnTexts(schemaString: string): readonly string[] {
  try {
    return within(JSON.parse(schemaString), '');
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function within(type: unknown, path: string): readonly string[] {
  if (typeof type !== 'object' || type === null) return [`${path} ${String(type)}`];
  const { fields, elementType, valueType } = type as {
    readonly fields?: unknown;
    readonly elementType?: unknown;
    readonly valueType?: unknown;
  };
  if (Array.isArray(fields)) {
    return fields.flatMap((field: { readonly name?: unknown; readonly type?: unknown }) =>
      within(field.type, path === '' ? String(field.name) : `${path}.${String(field.name)}`),
    );
  }
  return within(elementType ?? valueType ?? 'unknown', `${path}[]`);
}
