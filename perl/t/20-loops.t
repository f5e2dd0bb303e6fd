# The poll fd in event loops; what is not installed is skipped.

use strict;
use warnings;
use Test::More;
use lib 't/lib';
use Tester;

# Each stops its loop in `done` after requests of all kinds, also those that wait for a thread.
my %loops = (
    'Event' => <<'E',
Event->io(fd => IO::AIO::poll_fileno, poll => 'r', cb => \&IO::AIO::poll_cb);
requests(sub { Event::unloop() });
Event::loop();
E
    'EV' => <<'E',
my $w = EV::io(IO::AIO::poll_fileno(), EV::READ(), \&IO::AIO::poll_cb);
requests(sub { EV::break() });
EV::run();
E
    'AnyEvent' => <<'E',
my $cv = AE::cv();
my $w = AE::io(IO::AIO::poll_fileno(), 0, \&IO::AIO::poll_cb);
requests(sub { $cv->send });
$cv->recv;
E
    'Glib' => <<'E',
my $loop = Glib::MainLoop->new;
Glib::IO->add_watch(IO::AIO::poll_fileno(), in => sub { IO::AIO::poll_cb(); 1 });
requests(sub { $loop->quit });
$loop->run;
E
    'Tk' => <<'E',
my $window = Tk::MainWindow->new;
open my $fh, '<&=', IO::AIO::poll_fileno() or die $!;
$window->fileevent($fh, readable => sub { IO::AIO::poll_cb() });
requests(sub { $window->destroy });
Tk::MainLoop();
E
);

my $common = <<'E';
use strict;
use IO::AIO;
use Fcntl;
alarm 60;
sub requests {
    my ($done) = @_;
    my $n = 0;
    my $grp = aio_group sub { print "done $n"; $done->() };
    for my $round (1 .. 20) {
        add $grp aio_open '/etc/passwd', O_RDONLY, 0, sub {
            my ($fh) = @_;
            my $data;
            add $grp aio_read $fh, 0, 100, $data, 0, sub {
                $n++ if $_[0] > 0;
                add $grp aio_close $fh, sub { $n++ unless $_[0] };
            };
        };
        add $grp IO::AIO::aio_busy 0.001, sub { $n++ };
    }
}
E

for my $module (sort keys %loops) {
  SKIP: {
        my @perl = ($^X, map "-I$_", grep !ref, @INC);
        skip "$module is not installed", 1 if system "@perl -M$module -e 1 >/dev/null 2>&1";
        my @display;
        if ($module eq 'Tk') {
            skip 'Tk: there is no xvfb-run', 1 if system 'command -v xvfb-run >/dev/null 2>&1';
            @display = 'xvfb-run -a';
        }
        my $script = put(file("$module.pl"), "use $module;\n$common$loops{$module}");
        my $printed = `@display @perl $script 2>&1`;
        is($printed, 'done 60', $module);
    }
}

done_testing;
