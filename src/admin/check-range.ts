/** Says what is wrong with a range (CIDR). The CLI uses it to check `POSTERN_ADMIN_IP_ALLOW` before a gateway starts. */
export { findRangeFault } from '../edge/address-ranges.ts';
