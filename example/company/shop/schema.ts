/** The shop's tables, and the customers and products it begins with. Repeatable: every start runs it. */
import { hashPassword } from './passwords.ts'

export const CUSTOMERS = 600
export const PRODUCTS = 240
/** Every customer of the demo has this password: there is nothing to protect. */
export const DEMO_PASSWORD = 'workshop'

export const schema = `
  create table if not exists customers (
    id integer primary key,
    email text not null unique,
    name text not null,
    password_hash text not null
  );
  create table if not exists products (
    id integer primary key,
    name text not null,
    material text not null,
    width integer not null,
    depth integer not null,
    height integer not null
  );
  create table if not exists orders (
    id uuid primary key,
    customer_id integer not null references customers,
    product_id integer not null references products,
    quantity integer not null,
    model_key text,
    status text not null default 'placed',
    cents integer,
    placed_at timestamptz not null default now(),
    priced_at timestamptz
  );
  create index if not exists orders_of_customer on orders (customer_id, placed_at desc);
  create table if not exists outbox (
    id uuid primary key,
    routing_key text not null,
    body jsonb not null,
    created_at timestamptz not null default now()
  );
  create index if not exists outbox_oldest on outbox (created_at);
  -- How many wait, and since when: not what for whom.
  grant select (id, created_at) on outbox to monitor;
  insert into customers
    select n, 'customer' || n || '@example.test', 'Customer ' || n, '${hashPassword(DEMO_PASSWORD)}'
    from generate_series(1, ${CUSTOMERS}) n on conflict do nothing;
  insert into products
    select n, (array['Bracket','Housing','Gear','Hinge','Clamp','Panel','Pulley','Spacer'])[1 + n % 8] || ' ' || n,
      (array['pla','petg','nylon','steel'])[1 + n % 4], 20 + n % 60, 20 + n * 7 % 50, 10 + n * 13 % 90
    from generate_series(1, ${PRODUCTS}) n on conflict do nothing;
`
