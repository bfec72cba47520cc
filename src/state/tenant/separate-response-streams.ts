import type { Migration } from '../migration.ts';

const lists = (rule: string, type: string) =>
  `EXISTS (SELECT 1 FROM json_each(${rule}, '$.types') WHERE json_each.value = '${type}')`;
const lacksResponseStream = (rule: string) =>
  `${lists(rule, 'RequestResponse')} AND NOT ${lists(rule, 'ResponseStream')}`;
/** Adds `ResponseStream` to the rules of a list that name `RequestResponse`. Keeps their order. */
const addResponseStream = (list: 'allow' | 'deny') => `
  UPDATE tenant SET
    version = version + 1,
    revision = revision + 1,
    document = json_set(document, '$.policy.${list}', (
      SELECT json_group_array(json(
        CASE WHEN ${lacksResponseStream('rule.value')}
        THEN json_insert(rule.value, '$.types[#]', 'ResponseStream') ELSE rule.value END
      ) ORDER BY rule.key) FROM json_each(tenant.document, '$.policy.${list}') AS rule
    ))
  WHERE EXISTS (
    SELECT 1 FROM json_each(tenant.document, '$.policy.${list}') AS rule WHERE ${lacksResponseStream('rule.value')}
  );`;

/**
 * Response streams became a separate type (`ResponseStream`). A stored rule that lists `RequestResponse` also allowed or
 * denied them. With this migration it still does.
 */
export const SEPARATE_RESPONSE_STREAMS: Migration = addResponseStream('allow') + addResponseStream('deny');
