"""Names, order and kinds of the columns that the imitated routes answer with.

Facts: https://kb.infinity.co/service/api/reports_v2_igrps_triggers.html and the pages beside it;
which columns are numbers follows the logical types there, not the wire (numbers travel as text).
"""

from __future__ import annotations

TRIGGER_COLUMNS: tuple[str, ...] = tuple(
    """
    rowId triggerDatetime igrp orgId act t vid new spider algo attr srcHash
    dgrp dgrpName ch chName chType segment segmentName segmentRef segmentGroupId segmentGroupName
    goal goalTitle goalValue outcomeType txr txv txc
    src pub dom ref vref href pageTitle term campaign adGroup adRef keywordRef network matchRef
    matchType ppcAssisted landingPageId landingPageUrl conversionPageId conversionPageUrl
    num dialledPhoneNumber srcPhoneNumber destPhoneNumber customerPhoneNumber
    callDuration bridgeDuration ringTime ivrDuration queueDuration callStage callState callDirection
    operatorRef operatorRealm ivrRef dialplanRef telcoCode numType rec callRating notes leadScore
    callTranscription callKeywordSpotting transcriptionConfidence
    totalKeywordScore totalOperatorKeywordScore totalContactKeywordScore
    operatorPositiveKeywordCount operatorNeutralKeywordCount operatorNegativeKeywordCount
    contactPositiveKeywordCount contactNeutralKeywordCount contactNegativeKeywordCount
    callPciDataChecked callPciDataFound callSsnDataChecked callSsnDataFound
    callPiiDataChecked callPiiDataFound
    whois ip host ua res country continent region city postcode area lat long visitorType sfWhoRef
    visitorPageCount visitorGoalCount visitorCallCount visitorFirstDatetime
    """.split()  # noqa: SIM905 - a table of 108 names reads better as words
)

NUMERIC: frozenset[str] = frozenset(
    """
    rowId igrp orgId new spider dgrp ch segment segmentGroupId goal goalValue txv ppcAssisted
    landingPageId conversionPageId callDuration bridgeDuration ringTime ivrDuration queueDuration
    leadScore callTranscription callKeywordSpotting transcriptionConfidence
    totalKeywordScore totalOperatorKeywordScore totalContactKeywordScore
    operatorPositiveKeywordCount operatorNeutralKeywordCount operatorNegativeKeywordCount
    contactPositiveKeywordCount contactNeutralKeywordCount contactNegativeKeywordCount
    callPciDataChecked callPciDataFound callSsnDataChecked callSsnDataFound
    callPiiDataChecked callPiiDataFound lat long visitorPageCount visitorGoalCount visitorCallCount
    brandingId primaryOrgId channelId channelOrder dgrpStatus goalId goalStatus deDupeLookback
    segmentOrder status segmentGroupStatus modelId lookbackDays modelStatus weight firstWeight
    lastWeight phoneId typeId callCount30Days userId userStatus seg landCount operatorStateDuration
    keywordId keywordGroupId startTime confidence keywordScore metConfidenceLevel
    pageCountTotal goalCount goalCountTotal callCount talkTimeAverage
    """.split()  # noqa: SIM905
)
"""Columns that filters and sorts compare as numbers."""

NULL_WHEN_BLANK: frozenset[str] = frozenset(
    """
    goalValue txr txv leadScore notes callRating lat long transcriptionConfidence sfWhoRef
    conversionPageId ivrDuration totalKeywordScore segmentRef operatorRealm
    """.split()  # noqa: SIM905
)
"""Columns whose blank is null; the blank of the others is the empty string."""

PII_COLUMNS: tuple[str, ...] = ("ip", "srcPhoneNumber", "host", "whois")
"""What the vendor redacts (https://kb.infinity.co/service/api/reports_v2_basics.html)."""
