-- Of whom history says something where several ids were held for one person, so that it goes with any of them.

ALTER TABLE buyer_group_member_history ADD COLUMN made_of text[];
COMMENT ON COLUMN buyer_group_member_history.made_of IS
    'All ids that were one person at this log time, person_id included; NULL: it was person_id alone';

ALTER TABLE buyer_group_changes ADD COLUMN made_of text[];
COMMENT ON COLUMN buyer_group_changes.made_of IS
    'All ids whose state before or after this line tells; NULL: it is of person_id alone, or of nobody';
