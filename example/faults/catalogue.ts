/** All faults of the demo. Those without `begin` are carried out by the services or by the load, which read the board. */
import { connectionsDropped } from './connections-dropped.ts'
import type { Fault } from './fault.ts'
import { mesSlow } from './mes-slow.ts'
import { s3Filling } from './s3-filling.ts'
import { brokerDown, databaseDown } from './stopped.ts'

export const FAULTS: readonly Fault[] = [
  mesSlow,
  {
    name: 'mes-overload',
    what: 'partners send many more price requests than one process can answer',
    seen: 'the rate per process is above its limit, and answers wait for the CPU; with a second process they do not',
  },
  {
    name: 'crm-errors',
    what: 'a release of the CRM forgets that some customers have no telephone number',
    seen: 'a quarter of the answers of the CRM are 500',
  },
  {
    name: 'crm-saturated',
    what: 'a timer runs away with the event loop of every CRM process that runs now',
    seen: 'the CRM is saturated above 90 % and answers slowly, until its processes are restarted',
  },
  {
    name: 'consumer-stuck',
    what: 'the MES takes orders from the queue and never settles them',
    seen: 'messages stay in flight, the queue grows, orders are not priced',
  },
  databaseDown,
  {
    name: 'connections-leak',
    what: 'every CRM process opens a database connection a second and closes none',
    seen: 'connections climb to the limit of the server; then the CRM can open no more',
  },
  connectionsDropped,
  {
    name: 'memory-leak',
    what: 'the shop keeps 4 MiB a second that it never uses again',
    seen: 'its memory climbs in a straight line, 400 MiB at most',
  },
  {
    name: 'cpu-burn',
    what: 'a runaway computation beside the event loop of the shop',
    seen: 'its CPU use rises by nine tenths of a core, its answers stay quick',
  },
  {
    name: 'dead-letters',
    what: 'customers upload models that are cut off, and the shop takes them',
    seen: 'the MES refuses those orders, and they become dead letters',
  },
  s3Filling,
  brokerDown,
  {
    name: 'traffic-drop',
    what: 'four fifths of the customers cannot reach the shop',
    seen: 'the rate of the shop falls sharply while nothing fails',
  },
  {
    name: 'credential-stuffing',
    what: 'one address tries stolen passwords on many accounts',
    seen: 'a burst of 401 on the login from one address',
  },
  {
    name: 'catalogue-scraping',
    what: 'a robot reads the whole catalogue in order',
    seen: 'one address asks for every product, ten a second, and buys nothing',
  },
]
