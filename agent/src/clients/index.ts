/**
 * What each client does. The door of the room.
 *
 * Main thread: `new Clients({...})`, `clients.settled(visit, users.settled(visit))`. Any thread: `readClients(memory, channels)`, then
 * `mergeReadings` over threads and workers, `encodeClients` for `GET /-/assay/clients`, which must ask for the token.
 */
export { type BodySample, BodySamples, parseSamplesPerMinute } from './body-samples.ts'
export { CLIENTS_BYTES, Clients, type ClientsOptions, WINDOW_MS } from './clients.ts'
export { parseLoginRoutes } from './login.ts'
export {
  type ClientsOrigin,
  type ClientsPayload,
  type ClientsReading,
  encodeClients,
  mergeReadings,
  readClients,
  tryDecodeClients,
} from './payload.ts'
