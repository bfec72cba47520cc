import type { Migration } from '../migration.ts';

const lists = (rule: string, type: string) =>
  `EXISTS (SELECT 1 FROM json_each(${rule}, '$.types') WHERE json_each.value = '${type}')`;
const lacksResponseStream = (rule: string) =>
  `${lists(rule, 'RequestResponse')} AND NOT ${lists(rule, 'ResponseStream')}`;
/** SQL that adds `ResponseStream` to each rule in `list` whose types include `RequestResponse`. Keeps the rules' order. */
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
 * Before `ResponseStream` became a separate type, a rule that lists `RequestResponse` also applied to response streams. This
 * migration keeps that effect for stored rules.
 */
export const SEPARATE_RESPONSE_STREAMS: Migration = addResponseStream('allow') + addResponseStream('deny');
