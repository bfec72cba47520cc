import * as z from 'zod';

/** Unwraps a schema that is optional or has a default. */
const bare = (schema: z.core.$ZodType): z.ZodType => {
  const isWrapped =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return isWrapped ? bare(schema.unwrap()) : (schema as z.ZodType);
};

/**
 * Returns the schema of the values that a patch may give a member. If the member is an object, the patch may change any
 * of its members.
 */
function patched(member: z.ZodType): z.ZodType {
  if (member instanceof z.ZodObject) return patchOf(member);
  if (member instanceof z.ZodRecord) {
    return z.record(z.string(), (member.valueType as z.ZodType).nullable()).meta(member.meta() ?? {});
  }
  return member;
}

/**
 * Returns the schema of a merge patch (RFC 7396) of an object. The patch may set any member of the object, and null
 * removes an optional member. The schema of the object then checks the patched object as a whole.
 */
export function patchOf(object: z.ZodObject): z.ZodType<Readonly<Record<string, unknown>>> {
  const members = Object.entries(object.shape as Record<string, z.ZodType>).map(([name, schema]) => {
    const member = patched(bare(schema));
    const patch = schema.isOptional() ? member.nullable().optional() : member.optional();
    const description = schema.description ?? bare(schema).description;
    return [name, description === undefined ? patch : patch.meta({ description })] as const;
  });
  return z.strictObject(Object.fromEntries(members));
}
