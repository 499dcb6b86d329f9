"""The words of Threagile in ours, in the spellings of its versions and forks. All are looked up squashed."""

from __future__ import annotations

from cityward.adapters.exchange.imports.fields import spellings, squash


def _words(rows: dict[str, str]) -> dict[str, str]:
    """Words of the format in any spelling -> ours. A row is our word and theirs."""
    return {squash(word): ours for ours, words in rows.items() for word in words.split()}


KINDS = _words(
    {
        "platform": "application-server app-server web-service-rest rest-api web-service-soap soap-api ejb erp function task job "
        "tool utility cli library mainframe container-platform container docker kubernetes service-registry mail-server "
        "email-server vault hashicorp-vault hsm hardware-security-module service-discovery",
        "gateway": "gateway jump-host jump-server jump-box",
        "broker": "message-queue mq event-listener",
        "control": "scada scheduler cron hmi human-machine-interface",
        "storage": "database db file-server file-storage block-storage san local-file-system local-storage data-lake "
        "big-data-platform big-data search-index operational-historian historian",
        "analytics": "ai artificial-intelligence machine-learning deep-learning neural-network ml dl report-engine reporting "
        "batch-processing stream-processing search-engine monitoring siem",
        "update-server": "artifact-registry build-pipeline ci continuous-integration sourcecode-repository git "
        "code-inspection-platform code-inspection code-analysis",
        "network": "reverse-proxy load-balancer lb waf web-application-firewall ids intrusion-detection-system ips "
        "intrusion-prevention-system service-mesh",
        "portal": "web-application web-app web-server cms content-management-system browser web-browser desktop desktop-system "
        "mobile-app client-system client devops-client",
        "directory": "identity-provider idp identity-store-ldap identity-store-database identity-store ldap-server ldap",
    }
)
"""technology -> kind of system."""

DEVICES = spellings(
    "iot-device iot industrial-control-actor industrial-control-sensor plc programmable-logic-controller"
)

SENSITIVITY = _words(
    {
        "public": "public",
        "internal": "internal",
        "restricted": "restricted confidential",
        "secret": "strictly-confidential",
    }
)

PROTOCOLS = _words(
    {
        "http tls": "https wss reverse-proxy-web-protocol-encrypted",
        "http none": "http ws reverse-proxy-web-protocol",
        "mqtt none": "mqtt",
        "sftp tls": "sftp scp",
        "proprietary tls": "jdbc-encrypted odbc-encrypted sql-access-protocol-encrypted nosql-access-protocol-encrypted "
        "binary-encrypted text-encrypted ssh ssh-tunnel smtp-encrypted pop3-encrypted imap-encrypted ftps ldaps smb-encrypted "
        "iiop-encrypted jrmp-encrypted",
        "proprietary none": "jdbc odbc sql-access-protocol nosql-access-protocol binary text smtp pop3 imap ftp ldap jms nfs smb "
        "nrpe xmpp iiop jrmp",
        "proprietary local": "in-process-library-call inter-process-communication local-file-access container-spawning",
        "proprietary unknown": "unknown-protocol",
    }
)
"""protocol -> ours, and how it protects. `local`: it leaves no machine."""

ENCRYPTED = spellings(
    """transparent data-with-symmetric-shared-key data-with-asymmetric-shared-key data-with-enduser-individual-key"""
)
LOW = spellings("archive operational important") | {""}
HIGH = spellings("critical mission-critical")

ASSET_FIELDS = spellings(
    """id type usage used_as_client_by_human out_of_scope justification_out_of_scope size tags internet machine machines
    confidentiality integrity availability justification_cia_rating multi_tenant redundant custom_developed_parts
    data_assets_processed data_formats_accepted diagram_tweak_order"""
)
LINK_FIELDS = spellings(
    """authorization tags ip_filtered readonly diagram_tweak_weight diagram_tweak_constraint authentication"""
)
DATA_FIELDS = spellings("usage tags origin owner quantity integrity availability justification_cia_rating")
MODEL_FIELDS = spellings(
    """author contributors management_summary_comment business_criticality business_overview technical_overview
    application_description questions abuse_cases security_requirements tags_available individual_risk_categories
    custom_risk_categories risk_tracking diagram_tweak_suppress_edge_labels diagram_tweak_layout_left_to_right
    diagram_tweak_edge_layout diagram_tweak_nodesep diagram_tweak_ranksep includes
    diagram_tweak_invisible_connections_between_assets diagram_tweak_same_rank_assets"""
)
