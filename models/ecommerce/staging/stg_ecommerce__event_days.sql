-- One row per table of the source, part of it that coverage is kept for, and day with an event.
{{ event_days('ecommerce', ['events']) }}
