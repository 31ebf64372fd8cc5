drop trigger record_rating on message_ratings;
drop function record_rating();
