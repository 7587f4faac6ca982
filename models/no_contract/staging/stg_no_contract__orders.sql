-- One row per line of an order or of a refund, of every domain without a contract.
{{ staged_union('no_contract', 'orders') }}
