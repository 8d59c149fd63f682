"""Fields of the report methods.

Each field is `name:type:flags`. Types: n number, s string, t local date-time text, e enumeration,
b boolean, a array, o object. Flags: F filterable, S sortable, D in the default reply; without
flags a field is returned only when asked for. From the method pages of
https://callgear.github.io/data_api/.
"""

from __future__ import annotations

REPORT_FIELDS: dict[str, str] = {
    "get.calls_report": (
        "id:n:FD start_time:t:SD finish_time:t:D finish_reason:e:FSD direction:e:FSD "
        "cpn_region_id:n:FSD cpn_region_name:s:FSD cpn_country_name:s:FSD cpn_country_id:s:FSD "
        "properties:s scenario_operations:a:F source:e:FSD is_lost:b:FSD "
        "communication_number:n:FS communication_page_url:s contact_phone_number:s:FD "
        "communication_id:n:FD communication_type:e:D wait_duration:n:FD "
        "total_wait_duration:n:FD lost_call_processing_duration:n:FS talk_duration:n:FD "
        "clean_talk_duration:n:FD total_duration:n:FD postprocess_duration:n:F call_records:a:D "
        "wav_call_records:a:D full_record_file_link:s:D voice_mail_records:a "
        "virtual_phone_number:s:FSD ua_client_id:s ym_client_id:s sale_date:t:FS sale_cost:n:FS "
        "is_transfer:b:FS search_query:s:F search_engine:s:F referrer_domain:s:F referrer:s:F "
        "entrance_page:s:F gclid:s:F yclid:s:F ef_id:s:F ymclid:s channel:e:F tags:a:F "
        "employees:a:F last_answered_employee_id:n:F last_answered_employee_full_name:s:F "
        "last_answered_employee_rating:n:F first_answered_employee_id:n:F "
        "first_answered_employee_full_name:s:F last_talked_employee_id:n:F "
        "last_talked_employee_full_name:s:F first_talked_employee_id:n:F "
        "first_talked_employee_full_name:s:F operator_phone_number:s:F scenario_id:n:FS "
        "scenario_name:s:F site_id:n:FS site_domain_name:s:F campaign_id:n:FS campaign_name:s:F "
        "visit_other_campaign:b auto_call_campaign_name:s:FS visitor_id:n:FS person_id:n:F "
        "visitor_session_id:n:F visits_count:n:F visitor_type:e:FS "
        "visitor_first_campaign_id:n:F visitor_first_campaign_name:s:F visitor_city:s:F "
        "visitor_region:s:F visitor_country:s:F visitor_device:e:FS "
        "visitor_custom_properties:a:F segments:a:F call_api_request_id:n:F "
        "call_api_external_id:s:F contact_id:n:F contact_full_name:s:F utm_source:s:F "
        "utm_medium:s:F utm_term:s:F utm_content:s:F utm_campaign:s:F openstat_ad:s:F "
        "openstat_campaign:s:F openstat_service:s:F openstat_source:s:F attributes:a:F "
        "eq_utm_source:s:F eq_utm_medium:s:F eq_utm_term:s:F eq_utm_content:s:F "
        "eq_utm_campaign:s:F eq_utm_referrer:s:F eq_utm_expid:s:F source_id:n:FS "
        "source_name:s:FS source_new:s:FS channel_new:s:FS channel_code:s:FS ext_id:s:FS"
    ),
    "get.call_legs_report": (
        "id:n:FD call_session_id:n:FSD call_records:a:D start_time:t:SD connect_time:t:D "
        "duration:n:FSD total_duration:n:FSD finish_reason:e:FSD finish_reason_description:s:FS "
        "virtual_phone_number:s:FSD calling_phone_number:s:FSD direction:e:FSD "
        "is_transfered:b:FSD is_operator:b:FSD employee_id:n:FSD employee_full_name:s:FS "
        "employee_phone_number:s:FS employee_rating:n:FSD scenario_id:n:FSD is_coach:b:FSD "
        "release_cause_code:n:FSD release_cause_description:s:FSD is_failed:b:FSD "
        "is_talked:b:FS contact_id:n contact_full_name:s contact_phone_number:s "
        "action_name:s:FD group_id:n:FD group_name:s:FD wav_call_records:a:D "
        "called_phone_number:s:FSD scenario_name:s:FS action_id:n:FD"
    ),
    "get.communications_report": (
        "id:n:FD communication_type:e:FSD communication_number:n:FS communication_page_url:s "
        "date_time:t:FSD ua_client_id:s ym_client_id:s sale_date:t:FS sale_cost:n:FS "
        "search_query:s:F search_engine:s:F referrer_domain:s:F referrer:s:F entrance_page:s:F "
        "gclid:s:F yclid:s:F ymclid:s ef_id:s:F channel:e:F tags:a:F visitor_id:n:FSD "
        "person_id:n:FD visitor_type:e:FS visitor_session_id:n:FD visits_count:n:F "
        "visitor_first_campaign_id:n:F visitor_first_campaign_name:s:F visitor_city:s:F "
        "visitor_region:s:F visitor_country:s:F visitor_device:e:FS "
        "visitor_custom_properties:a:F site_id:n:FSD site_domain_name:s:F campaign_id:n:FSD "
        "campaign_name:s:F visit_other_campaign:b:F segments:a:F utm_source:s:F utm_medium:s:F "
        "utm_term:s:F utm_content:s:F utm_campaign:s:F utm_referrer:s:F utm_expid:s:F "
        "openstat_ad:s:F openstat_campaign:s:F openstat_service:s:F openstat_source:s:F "
        "attributes:a:F eq_utm_source:s:F eq_utm_medium:s:F eq_utm_term:s:F eq_utm_content:s:F "
        "eq_utm_campaign:s:F eq_utm_referrer:s:F eq_utm_expid:s:F source_id:n:FS "
        "source_name:s:FS source_new:s:FS channel_new:s:FS channel_code:s:FS"
    ),
    "get.goals_report": (
        "id:n:F date_time:t name:s:FS type:e:FD ext_id:s:FD source:e:FD "
        "communication_number:n:FS communication_page_url:s communication_id:n:FD "
        "communication_type:e:FD ua_client_id:s ym_client_id:s sale_date:t:FS sale_cost:n:FS "
        "search_query:s:F search_engine:s:F referrer_domain:s:F referrer:s:F entrance_page:s:F "
        "gclid:s:F yclid:s:F ymclid:s:F ef_id:s:F channel:e:F tags:a:F site_id:n:FSD "
        "site_domain_name:s:FS campaign_id:n:FSD campaign_name:s:FS visit_other_campaign:b "
        "visitor_id:n:FS person_id:n:F visitor_type:e:FS visitor_session_id:n:F "
        "visits_count:n:F visitor_first_campaign_id:n:F visitor_first_campaign_name:s:F "
        "visitor_city:s:F visitor_region:s:F visitor_country:s:F visitor_device:e:FS "
        "visitor_custom_properties:a:F segments:a:F utm_source:s:F utm_medium:s:F utm_term:s:F "
        "utm_content:s:F utm_campaign:s:F openstat_ad:s:F openstat_campaign:s:F "
        "openstat_service:s:F openstat_source:s:F attributes:a:F eq_utm_source:s:F "
        "eq_utm_medium:s:F eq_utm_term:s:F eq_utm_content:s:F eq_utm_campaign:s:F "
        "eq_utm_referrer:s:F eq_utm_expid:s:F"
    ),
    "get.chats_report": (
        "id:n:FD status:e:FSD initiator:e:FSD date_time:t:SD duration:s:FSD answer_time:n:FSD "
        "communication_number:n:FS communication_page_url:s communication_id:n:FD "
        "communication_type:e chat_ad_url:s:D chat_channel_id:n:F chat_channel_type:e:FS "
        "chat_channel_name:s chat_user_id:s:FS chat_username:s:FS messages_count:n "
        "ua_client_id:s ym_client_id:s sale_date:t:FS sale_cost:n:FS is_group_chat:b:D "
        "is_transfer:b:D release_cause:e:FD search_query:s:F search_engine:s:F "
        "referrer_domain:s:F referrer:s:F entrance_page:s:F gclid:s:F yclid:s:F ymclid:s "
        "ef_id:s:F channel:e:F employee_id:n:FSD employee_full_name:s:F employee_raiting:n:D "
        "employee_messages_count:n tags:a:F site_id:n:FSD site_domain_name:s:F "
        "campaign_id:n:FSD campaign_name:s:F visit_other_campaign:b visitor_phone_number:n:FD "
        "visitor_id:n:FSD visitor_ids:a:D person_id:n:FS visitor_type:e:FS "
        "visitor_session_id:n:FS visits_count:n:F visitor_first_campaign_id:n:F "
        "visitor_first_campaign_name:s:F visitor_city:s:F visitor_region:s:F "
        "visitor_country:s:F visitor_device:e visitor_profile_url:s:F "
        "visitor_custom_properties:a:F segments:a:F utm_source:s:F utm_medium:s:F utm_term:s:F "
        "utm_content:s:F utm_campaign:s:F openstat_ad:s:F openstat_campaign:s:F "
        "openstat_service:s:F openstat_source:s:F attributes:a:F eq_utm_source:s:F "
        "eq_utm_medium:s:F eq_utm_term:s:F eq_utm_content:s:F eq_utm_campaign:s:F "
        "eq_utm_referrer:s:F eq_utm_expid:s:F source_id:n:FS source_name:s:FS source_new:s:FS "
        "channel_new:s:FS channel_code:s:FS ext_id:s:FS"
    ),
    "get.chat_messages_report": (
        "id:n:FD chat_id:n:FD channel_id:n:F channel_type:e:FS date_time:t:SD is_group_chat:b:D "
        "visitor_id:n:D text:s:D source:e:D resource:o:D employee_id:n:FSD "
        "employee_full_name:s:D"
    ),
    "get.offline_messages_report": (
        "id:n:FD date_time:t text:s:D communication_number:n:FS communication_page_url:s "
        "communication_type:e communication_id:n:FD is_agree_to_process_personal_data:b:D "
        "is_agree_to_mailing:b:D ua_client_id:s ym_client_id:s sale_date:t:FS sale_cost:n:FS "
        "status:e:FSD process_time:t form_type:e:FSD form_name:s:FS search_query:s:F "
        "search_engine:s:F referrer_domain:s:F referrer:s:F entrance_page:s:F gclid:s:F "
        "yclid:s:F ymclid:s:F ef_id:s:F channel:e:F properties:s:D group_id:n:FS "
        "group_name:s:FS employee_id:n:FSD employee_full_name:s:FS employee_answer_message:s "
        "employee_comment:s tags:a:F site_id:n:FSD site_domain_name:s:F campaign_id:n:FSD "
        "campaign_name:s:F visit_other_campaign:b visitor_phone_number:n:FD visitor_email:s:FD "
        "visitor_name:s:FD visitor_id:n:FSD person_id:n:FS visitor_type:e:FS "
        "visitor_session_id:n:FD visits_count:n:F visitor_first_campaign_id:n:F "
        "visitor_first_campaign_name:s:F visitor_city:s:F visitor_country:s:F "
        "visitor_region:s:F visitor_device:e:FS visitor_custom_properties:a:F segments:a:F "
        "utm_source:s:F utm_medium:s:F utm_term:s:F utm_content:s:F utm_campaign:s:F "
        "openstat_ad:s:F openstat_campaign:s:F openstat_service:s:F openstat_source:s:F "
        "attributes:a:F eq_utm_source:s:F eq_utm_medium:s:F eq_utm_term:s:F eq_utm_content:s:F "
        "eq_utm_campaign:s:F eq_utm_referrer:s:F eq_utm_expid:s:F source_id:n:FS "
        "source_name:s:FS source_new:s:FS channel_new:s:FS channel_code:s:FS ext_id:s:FS"
    ),
    "get.visitor_sessions_report": (
        "date_time:t id:n ua_client_id:s ym_client_id:s gclid:s yclid:s ef_id:s ymclid:s "
        "cm_id:s:F integrated_campaign_data:o:F referrer_domain:s referrer:s search_engine:s "
        "search_query:s entrance_page:s exit_page:s duration:n channel:e engine:e "
        "campaign_id:n:FSD campaign_name:s:FS site_id:n:FSD site_domain_name:s:FS "
        "person_id:n:FD visitor_id:n:FSD visitor_device:e:FSD visitor_country:s:FS "
        "visitor_city:s:FS visitor_region:s:FS visitor_ip_address:s visitor_type:e:FS "
        "visitor_browser_name:s:FS visitor_browser_version:s:FS visitor_os_name:s:FS "
        "visitor_os_version:s visitor_provider:s visitor_screen:s:FS visitor_language:s:FS "
        "visitor_custom_properties:a:F utm_source:s:F utm_medium:s:F utm_term:s:F "
        "utm_content:s:F utm_campaign:s:F openstat_ad:s:F openstat_campaign:s:F "
        "openstat_service:s:F openstat_source:s:F hits_count:n hits:a segments:a:F "
        "communications:a:F ext_id:s:FD source_id:n:FS source_name:s:FS source_new:s:FS "
        "channel_new:s:FS channel_code:s:FS"
    ),
    "get.financial_call_legs_report": (
        "start_time:t:SD direction:e:FSD source:e:FSD call_session_id:n:FSD leg_id:n:FSD "
        "calling_phone_number:s:FSD called_phone_number:s:FSD duration:n:FSD "
        "chargeable_duration:n:FSD direction_type:e:FSD cost_per_minute:n:FSD "
        "total_charge:n:FSD bonuses_charge:n:FSD"
    ),
    "get.campaign_daily_stat": (
        "date:t:FSD site_id:n:FD site_domain_name:s:FD campaign_id:n:FSD campaign_name:s:FD "
        "campaign_ext_id:s:FSD campaign_ext_name:s:FSD engine:e:D banner_group_id:s:SD "
        "banner_group_name:s:D keyword_id:s:SD keyword:s:D cost_sum:s:D shows_count:n:D "
        "clicks_count:n:D chats_count:n calls_count:n goals_count:n offline_messages_count:n "
        "current_banner_id:s:SD old_banner_ids:a visits_count:n communications_count:n "
        "favorites_count:n current_banner_name:s:D daily_budget:n:D weekly_budget:n:D "
        "currency:e:D session_ids:a source_id:n:FS source_name:s:FS communications:a"
    ),
    "get.ct_summary_report": (
        "site_id:n:FSD site_domain:s:FSD reserve_numbers_count:n:FSD active_numbers_count:n:FSD "
        "dt_ratio:n:FSD non_session_calls_count:n:FSD calls_count:n:FSD"
    ),
    "get.ct_ac_summary_report": (
        "ac_id:n:FD ac_name:s:FSD is_reserve_pool:b:FSD is_dynamic:b:SD is_static:b:SD "
        "active_numbers_count:n:FSD dt_ratio:n:FSD non_session_calls_count:n:FSD "
        "calls_count:n:FSD"
    ),
    "get.uploaded_calls": (
        "ext_id:s:FSD ext_request_id:s:FSD upload_time:t direction:e:FSD "
        "calling_phone_number:s:FSD called_phone_number:s:FSD start_time:t:FSD "
        "finish_time:t:FSD is_lost:b:FSD is_transfer:b:FSD wait_duration:n:FSD "
        "talk_duration:n:FSD visitor_session_id:n:FSD campaign_id:n:FSD source_id:n:FSD "
        "site_id:n:FSD comment:s:FSD record_type:e:FSD status:e:FSD error_code:e:FSD "
        "call_session_id:n:FSD callback:o tags:a records:a"
    ),
    "get.employee_stat": (
        "id:n:FD first_name:s:FSD last_name:s:FSD patronymic:s:SD full_name:s:FSD "
        "status_stats:o:FD groups:a:FD"
    ),
    "get.source_costs": (
        "source_id:n:FSD source_name:s:FSD site_id:n:FSD site_domain_name:s:FSD "
        "child_customer_id:n:FS cost:n:FSD"
    ),
}
"""Method -> its fields in order."""

REPORT_SHAPES: dict[str, str] = {
    "get.calls_report": (
        "scenario_operations = [{id:n, name:s}]; employees = [{employee_id:n, "
        "employee_full_name:s, is_answered:b, is_talked:b}]"
    ),
    "get.chat_messages_report": (
        "resource = {size:n, type:e, file_url:s, file_name:s, mime_type:s}"
    ),
    "get.visitor_sessions_report": (
        "integrated_campaign_data = {adv_system:e, ext_campaign_id:s, ext_campaign_name:s, "
        "keyword_id:s, keyword:s, banner_id:n, banner_name:s, group_id:n, group_name:s, "
        "auditory_id:n, auditory_name:s, placement_name:s, yandex_placement_type:s, "
        "campaign_type:s, device_type:s, position_type:s, yandex_region_id:n, "
        "yandex_region_name:s, yandex_region_type:s}; hits = {hit_time:s, hit_duration:s, "
        "hit_url:s}; communications = [{communication_type:e, communication_id:n, "
        "communication_date_time:t}]"
    ),
    "get.campaign_daily_stat": (
        "old_banner_ids = [n]; session_ids = [n]; communications = [{communication_type:e, "
        "communication_id:n, attributes:[s], tags:[{tag_id:n, tag_name:s, tag_type:e, "
        "tag_change_time:t, tag_user_id:n, tag_user_login:s, tag_employee_id:n, "
        "tag_employee_full_name:s}]}]"
    ),
    "get.uploaded_calls": ("tags = [{tag_name:s}]; callback = {url:s, events:[s]}"),
    "get.employee_stat": ("groups = [{group_name:s, group_id:n}]; status_stats = {string:n}"),
}
"""Method -> shapes of its arrays and objects."""
