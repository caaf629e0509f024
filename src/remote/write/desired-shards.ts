/**
 * How many lanes a receiver needs: as many as the time that sending takes, with what waits caught up on slowly.
 *
 *   seconds of sending per sample x (samples in per second + 5 % of what waits), as averages that forget
 *
 * - A change of less than 30 % changes nothing, so that the number does not dance.
 *
 * Source: prometheus: storage/remote/queue_manager.go, calculateDesiredShards; the figures are its own.
 */
const WEIGHT = 0.2
export const RESHARD_INTERVAL_MS = 10_000
const TOLERANCE = 0.3
const CATCH_UP = 0.05

export type Traffic = {
  /** Samples that came to be sent, were sent, and milliseconds in which they were: since the last call. */
  readonly samplesIn: number
  readonly samplesOut: number
  readonly sendingMs: number
  readonly pending: number
}

export class DesiredShards {
  #in = 0
  #out = 0
  #sending = 0
  #isFirst = true
  /** Before rounding and bounds; what a gauge shows. */
  desired = 0

  /** The number of lanes for the next interval. */
  next(traffic: Traffic, shards: { readonly now: number; readonly min: number; readonly max: number }): number {
    const seconds = RESHARD_INTERVAL_MS / 1000
    this.#in = this.#average(this.#in, traffic.samplesIn / seconds)
    this.#out = this.#average(this.#out, traffic.samplesOut / seconds)
    this.#sending = this.#average(this.#sending, traffic.sendingMs / 1000 / seconds)
    this.#isFirst = false
    if (this.#out <= 0) return shards.now
    this.desired = (this.#sending / this.#out) * (this.#in + CATCH_UP * traffic.pending)
    if (this.desired > shards.now * (1 - TOLERANCE) && this.desired < shards.now * (1 + TOLERANCE)) return shards.now
    return Math.min(shards.max, Math.max(shards.min, Math.ceil(this.desired)))
  }

  #average(before: number, now: number): number {
    return this.#isFirst ? now : WEIGHT * now + (1 - WEIGHT) * before
  }
}
