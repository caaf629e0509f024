/** Parts that are really stopped: a database server, the broker. Healing starts them again, with the data they had. */
import type { Fault } from './fault.ts'

export const databaseDown: Fault = {
  name: 'database-down',
  what: 'the PostgreSQL server of the crm database is stopped',
  seen: 'the database cannot be reached, the CRM answers 500; restarting the CRM would not help',
  async begin({ crmDatabase }) {
    await crmDatabase.stop()
    return () => crmDatabase.start()
  },
}

export const brokerDown: Fault = {
  name: 'broker-down',
  what: 'RabbitMQ is stopped',
  seen: 'orders are taken and wait in the outbox, unsent to sent rises; none is priced until it is back, none is lost',
  async begin({ broker }) {
    await broker.stop()
    return () => broker.start()
  },
}
