drop table config_replicas, config_versions, config_bundles, config_commits, config_holds;
alter table config_generations drop column changes;
alter table bot_revisions drop column overlay;
