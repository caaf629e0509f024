/**
 * Active users of a service. The door of the room.
 *
 * Main thread: `new Users({...})`, `users.settled(visit)` for each settled request. Any thread: `readUsers(users.shared, now)`, then
 * `mergeUsers` and `countUsers` over all threads and workers, `encodeUsers` for `GET /-/assay/users` and for the hub.
 */
export { DEFAULT_TIME_ZONE, parseTimeZone } from './day.ts'
export { type UsersKey, usersKey } from './key.ts'
export {
  type ActiveUserCounts,
  countUsers,
  encodeUsers,
  mergeUsers,
  tryDecodeUsers,
  type UsersOrigin,
  type UsersPayload,
  type UsersReading,
} from './payload.ts'
export { parseUserSource, type UserSource } from './source.ts'
export { readUsers, type SharedUsers, Users, type UsersOptions } from './users.ts'
export { ConnectionMemory, type Visit, type VisitedRequest } from './visit.ts'
