/**
 * prom-client's Pushgateway is left out: the agent's page outlives nothing, a gateway's does, and a job that ends can say so by other
 * means. The name is there so that a service that only imports it goes on.
 */
export class Pushgateway {
  constructor() {
    throw new Error(
      'ASSAY_AGENT_PUSHGATEWAY: the drop-in cannot push; keep prom-client for this, or have the job scraped while it runs',
    )
  }
}
