/**
 * What each client does. The door of the room.
 *
 * Main thread: `new Clients({...})`, `clients.settled(visit, users.settled(visit))`. Any thread: `readClients(clients.shared, now)`, then
 * `mergeClientReadings` over threads and workers, `encodeClients` for `GET /-/assay/clients`, which must ask for the token.
 */
export type { BodySample } from './body-samples.ts'
export { Clients, type ClientsOptions, type ClientsOrigin, type SharedClients, WINDOW_MS } from './clients.ts'
export {
  type ClientsPayload,
  type ClientsReading,
  encodeClients,
  mergeClientReadings,
  readClients,
  tryDecodeClients,
} from './payload.ts'
