-- The rows can be computed from the lake again.
drop table public.user_behavior_metric;
