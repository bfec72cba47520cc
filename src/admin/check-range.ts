/** Says what is wrong with a range (CIDR): for the CLI, which reads `POSTERN_ADMIN_IP_ALLOW` before a gateway does. */
export { findRangeFault } from '../gateway/address-ranges.ts';
