"""Every picture of the project: image sheets for files, charts for the report. Nothing else imports matplotlib."""
