drop table forget_requests;
alter table conversations drop column session_hours;
