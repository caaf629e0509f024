/** The CRM's tables, and the customers it begins with. Repeatable: every start runs it. */
import { CUSTOMERS } from '../shop/schema.ts'

export const schema = `
  create table if not exists customers (
    id integer primary key,
    name text not null,
    email text not null,
    city text not null,
    phone text
  );
  create table if not exists notes (
    id bigserial primary key,
    customer_id integer not null references customers,
    author text not null,
    text text not null,
    written_at timestamptz not null default now()
  );
  create index if not exists notes_of_customer on notes (customer_id, written_at desc);
  create table if not exists orders (
    id text primary key,
    customer_id integer,
    status text not null,
    cents integer,
    updated_at timestamptz not null default now()
  );
  create index if not exists orders_newest on orders (updated_at desc);
  insert into customers
    select n, 'Customer ' || n, 'customer' || n || '@example.test',
      (array['Aachen','Basel','Como','Delft','Essen','Fulda'])[1 + n % 6],
      case when n % 2 = 0 then null else '+49 30 ' || 1000000 + n end
    from generate_series(1, ${CUSTOMERS}) n on conflict do nothing;
`
