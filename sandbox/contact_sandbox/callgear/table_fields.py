"""Fields of the reference methods.

Each field is `name:type:flags`. Types: n number, s string, t local date-time text, e enumeration,
b boolean, a array, o object. Flags: F filterable, S sortable, D in the default reply; without
flags a field is returned only when asked for. From the method pages of
https://callgear.github.io/data_api/.
"""

from __future__ import annotations

TABLE_FIELDS: dict[str, str] = {
    "get.chat_channels": (
        "id:n:FD name:s:FSD type:e:FD status:s:D group_id:n:FD group_name:s:D employee_id:n:FD "
        "employee_full_name:s:D channel_external_id:s:D"
    ),
    "get.employees": (
        "id:n:FD login:s:FSD first_name:s:FSD last_name:s:FSD patronymic:s:SD full_name:s:FSD "
        "status:e:FD status_id:n:FD calls_available:b:FSD allowed_in_call_types:a:FD "
        "in_external_allowed_call_directions:a:FD in_internal_allowed_call_directions:a:FD "
        "allowed_out_call_types:a:FD out_external_allowed_call_directions:a:FD "
        "out_internal_allowed_call_directions:a:FD email:s:FD call_recording:e:FD "
        "schedule_id:n:FD schedule_name:s:FD coach:o:FD groups:a:FD phone_numbers:a:FD "
        "extension:o:FD operator:o:D"
    ),
    "get.group_employees": (
        "id:n:FD name:s:FSD members:a:D phone_numbers:a:FD group_phone_number:s:FSD "
        "queue_enabled:b:FD channels_count:n:FD"
    ),
    "get.statuses": (
        "id:n:FD name:s:FSD mnemonic:e:FD description:s:SD color:s:D is_deleted:b:SD "
        "in_external_allowed_call_directions:a:D in_internal_allowed_call_directions:a:D "
        "out_external_allowed_call_directions:a:D out_internal_allowed_call_directions:a:D "
        "allowed_phone_protocols:a:D is_select_allowed:b:SD is_worktime:b:SD "
        "is_auto_out_calls_ready:b:SD"
    ),
    "get.employee_positions": ("id:n:FD name:s:FSD"),
    "get.tags": (
        "id:n:FD name:s:FSD is_system:b:FSD rating:n:FS is_auto:b:FS state:e:FS "
        "creation_datetime:t:FS color:s:FS condition:o"
    ),
    "get.campaigns": (
        "id:n:FD name:s:FSD description:s:D status:e:FD creation_time:t:FSD "
        "campaign_conditions:o:D engine:e:FSD type:e:FSD costs:n:FSD cost_ratio:n:D "
        "cost_ratio_operator:e:D site_id:n:FSD site_domain_name:s:FD site_blocks:a:FD "
        "static_utm_source:s:F static_utm_medium:s:F static_utm_campaign:s:F "
        "static_utm_term:s:F static_utm_content:s:F static_utm_referrer:s:F "
        "static_utm_expid:s:F dynamic_call_tracking:o:FD"
    ),
    "get.sites": (
        "id:n:FD domain_name:s:FD name:s:FD default_phone_number:s:FD default_scenario:o:D "
        "app_key:s:D site_key:s:D is_editable:b:D creation_date:t:FD "
        "target_call_min_duration:n:FD track_subdomains:b:FD cookie_lifetime:n:FD "
        "campaign_lifetime:n:FD sales_enabled:b:FD second_communication_period:n:FD "
        "services_enabled:b:FD replacement_dynamical_block_enabled:b:D "
        "is_support_web_directory:b:FD widget_link:o:D state:s:D industry_id:n:D "
        "industry_name:s:D child_customer_id:n:FSD show_visitor_id:o:D site_blocks:a:FD "
        "connected_integrations:a:D parent_id:n:FSD"
    ),
    "get.site_blocks": (
        "id:n:FD name:s:FD site_id:n:FSD site_domain_name:s:FD templates:a:D phone_numbers:a:FD"
    ),
    "get.virtual_numbers": (
        "id:n:FD child_customer_id:n:FSD virtual_phone_number:s:FD "
        "redirection_phone_number:s:FD activation_date:t:FD status:e:FSD category:e:FSD "
        "type:e:FSD comment:s:FSD name:s:FSD campaigns:a:FD scenarios:a:FD"
    ),
    "get.scenarios": (
        "id:n:FSD name:s:FSD virtual_phone_numbers:a:FD sites:a:FD campaigns:a:FD operations:a:F"
    ),
    "get.contacts": (
        "id:n:FD first_name:s:FSD last_name:s:FSD patronymic:s:D full_name:s:FSD emails:a:FD "
        "phone_numbers:a:FD personal_manager_id:n:FD personal_manager_full_name:s:FD "
        "organization_id:n:FD organization_name:s:FD groups:a:FD"
    ),
    "get.group_contacts": ("id:n:FD name:s:FSD is_system:b:FD members:a:FD"),
    "get.contact_organizations": ("id:n:FD name:s:FSD"),
    "get.segments": (
        "id:n:FSD name:s:FSD description:s:FSD site_id:n:FSD site_domain_name:s:FSD "
        "segments_conditions:o:D"
    ),
    "get.schedules": ("id:n:FD name:s:FSD schedules:a:FD"),
    "get.sip_lines": (
        "id:n:FD phone_number:s:FD type:e:FSD channels_count:n:D dial_time:n:D "
        "billing_state:e:FSD physical_state:e:FSD virtual_phone_number:s:FSD status:e:FSD "
        "employee_id:n:FSD employee_full_name:s:FD ip_addresses:a:FD date_time:t:D ip:s:D "
        "virtual_phone_usage_rule:e:D password:s:FD"
    ),
    "get.media_files": (
        "id:n:FSD name:s:FSD duration:n:FSD play_link:s:D normalization:b:FSD size:n:FSD type:e:FSD"
    ),
    "get.blacklist_phone_numbers": (
        "id:n:FSD phone_number:s:FSD add_user_name:s:FSD add_comment:s:FSD add_date_time:t:FSD"
    ),
    "get.auto_call_campaigns": (
        "id:n:FD name:s:FSD add_time:t:D begin_date:t:D end_date:t:D status:e:FD phone_numbers:a:D"
    ),
    "get.sources": (
        "id:n:FSD name:s:FSD description:s:F group_id:n:F group_name:s:F channel_id:n:F "
        "channel_name:s:FSD channel_mnemonic:s:FSD filter:o:FSD priority:n:FSD is_custom:b:FSD "
        "state:e:FSD icon_mnemonic:s:D static_parameters:a:D"
    ),
    "get.sources_groups": (
        "id:n:FSD name:s:FSD channel_id:n:FSD channel_name:s:FSD channel_mnemonic:s:FSD "
        "is_custom:b:FSD state:e:FSD"
    ),
    "get.sources_channels": (
        "id:n:FSD name:s:FSD mnemonic:s:FSD is_custom:b:FSD state:e:FSD default_source_id:n:FSD"
    ),
    "get.customer_users": ("id:n:FD login:s:D description:s:D name:s:FSD customer_id:n:FSD"),
    "get.customers": (
        "id:n:FD name:s:FD description:s:D creation_date_time:t:FD status:e:FSD "
        "status_change_date_time:t:D monthly_base_limit:n:D monthly_base_notify_limit:n:D "
        "monthly_base_notify_emails:a:D monthly_calls_limit:n:D monthly_calls_notify_limit:n:D "
        "monthly_calls_notify_emails:a:D daily_calls_limit:n:D daily_calls_notify_limit:n:D "
        "daily_calls_notify_emails:a:D sites:a:D tariff_plan_id:n:FD tariff_plan_name:s:FD"
    ),
}
"""Method -> its fields in order."""

TABLE_SHAPES: dict[str, str] = {
    "get.employees": (
        "groups = [{group_id:n, group_name:s}]; coach = {coach_id:n, coach_full_name:s, "
        "coach_always_enabled:b}; phone_numbers = [{phone_id:n, phone_number:s, "
        "channels_count:n, dial_time:n, status:e}]; extension = {extension_phone_number:s, "
        "extension_voice_mail_enabled:b, extension_queue_enabled:b}; operator = "
        "{operator_login:s, operator_display_name:s, operator_position_id:n, "
        "operator_position_name:s, operator_offline_message_enabled:b, "
        "operator_invite_to_chat_enabled:b, operator_chat_enabled:b, "
        "operator_chats_available:b, operator_sites:[{site_id:n, site_domain_name:s}]}"
    ),
    "get.group_employees": (
        "members = [{employee_id:n, employee_full_name:s}]; phone_numbers = "
        "[{employee_phone_number:s, employee_phone_number_id:n, employee_full_name:s, "
        "employee_id:n, available:b}]"
    ),
    "get.campaigns": (
        "site_blocks = [{site_block_id:n, site_block_name:s, phone_number_type:e, "
        "phone_number_id:n, phone_number:s, redirection_phone_number_id:n, "
        "redirection_phone_number:s, dynamic_call_tracking_enabled:b}]; dynamic_call_tracking = "
        "{reservation_time:e, count_virtual_numbers:n, count_visits:n, coverage_visitors:n}; "
        "campaign_conditions = {group_conditions:[{conditions:[{type:e, campaign_parameter:e, "
        "operator:e, value:s}]}]}"
    ),
    "get.sites": (
        "default_scenario = {scenario_id:n, scenario_name:s}; widget_link = {enabled:b, text:s, "
        "url:s}; show_visitor_id = {enabled:b, element_id_value:s, message:s, "
        "length_visitor_id:n}; site_blocks = [{site_block_id:n, site_block_name:s}]"
    ),
    "get.site_blocks": (
        "templates = [{template_id:n, template_type:e, element_attribute:e, "
        "element_attribute_value:s, phone_number_template:s, phone_number_mask:s}]; "
        "phone_numbers = [{phone_number:s, phone_number_id:n, campaign_id:n, campaign_name:s, "
        "image_url:s}]"
    ),
    "get.virtual_numbers": (
        "campaigns = [{campaign_id:n, site_id:n, site_domain_name:s, campaign_name:s, "
        "site_blocks:[{site_block_id:n, site_block_name:s, is_tracking:b}]}]; scenarios = "
        "[{scenario_id:n, scenario_name:s, call_processing_rule_id:n, is_active:b}]"
    ),
    "get.scenarios": (
        "virtual_phone_numbers = [s]; sites = [{site_id:n, site_domain_name:s}]; campaigns = "
        "[{site_id:n, site_domain_name:s, campaign_id:n, campaign_name:s}]; operations = "
        "[{id:n, name:s}]"
    ),
    "get.contacts": ("emails = [s]; groups = [{group_id:n, group_name:s}]; phone_numbers = [n]"),
    "get.group_contacts": ("members = [{contact_id:n, contact_full_name:s}]"),
    "get.schedules": (
        "schedules = [{activity_days:{type:e, days:[]}, activity_time:[{time_from:s, "
        "time_till:s}], activity_date_from:s, activity_date_till:s}]"
    ),
    "get.sip_lines": ("ip_addresses = [s]"),
    "get.sources": ("static_parameters = [{parameter:s, value:s}]"),
    "get.customers": (
        "monthly_base_notify_emails = [s]; monthly_calls_notify_emails = [s]; "
        "daily_calls_notify_emails = [s]; sites = [{site_domain_name:s, site_id:n}]"
    ),
    "get.auto_call_campaigns": ("phone_numbers = [{phone_number:s, status:e}]"),
}
"""Method -> shapes of its arrays and objects."""
